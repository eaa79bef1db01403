package dev.jemma.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class UserDirectoriesTest {
    @Test
    void followTheVariableIfItIsAbsolute() {
        Path absolute = Path.of("x").toAbsolutePath();
        assertThat(UserDirectories.base(absolute.toString(), "/home/u", ".cache"))
                .isEqualTo(absolute);
        assertThat(UserDirectories.base("relative", "/home/u", ".cache")).isEqualTo(Path.of("/home/u/.cache"));
        assertThat(UserDirectories.base(null, "/home/u", ".config")).isEqualTo(Path.of("/home/u/.config"));
    }
}
