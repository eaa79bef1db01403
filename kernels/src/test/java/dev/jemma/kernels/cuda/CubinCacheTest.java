package dev.jemma.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CubinCacheTest {
    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path folder;

    private final AtomicInteger compilations = new AtomicInteger();

    private byte[] get(Path where, String compiler, String... inputs) {
        return CubinCache.in(where, compiler)
                .get(List.of(inputs), () -> new byte[] {(byte) compilations.incrementAndGet()});
    }

    @Test
    void compilesOnceForTheSameInputsAndCompiler() {
        assertThat(get(folder, "sm_90", "kernel", "headers")).containsExactly(1);
        assertThat(get(folder, "sm_90", "kernel", "headers")).containsExactly(1);
        assertThat(get(folder, "sm_80", "kernel", "headers")).containsExactly(2);
        assertThat(get(folder, "sm_90", "kernelheaders", "")).containsExactly(3);
        assertThat(get(folder, "sm_90", "kernel", "other headers")).containsExactly(4);
    }

    @Test
    void aFolderThatCannotBeWrittenOnlyCostsTime() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThat(get(file.resolve("below"), "sm_90", "kernel")).containsExactly(1);
        assertThat(get(file.resolve("below"), "sm_90", "kernel")).containsExactly(2);
    }
}
