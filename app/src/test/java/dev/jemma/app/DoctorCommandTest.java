package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.Output;
import dev.jemma.app.console.Terminal;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class DoctorCommandTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(String... arguments) {
        Terminal terminal = new Terminal(
                new ByteArrayInputStream(new byte[0]),
                new Output("stdout", out),
                new Output("stderr", err),
                false,
                false);
        return Main.run(terminal, arguments);
    }

    @Test
    void reportsTheMachineAndABackend() {
        assertThat(run("doctor", "--backend", "reference")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8))
                .contains("java ", "reference: ", "memory ", "No check failed.")
                .doesNotContain("metal:");
    }

    @Test
    void aNamedBackendThatIsNotHereIsAFailedRequest() {
        boolean mac = System.getProperty("os.name").startsWith("Mac");
        Assumptions.assumeFalse(mac, "Metal is here");
        assertThat(run("doctor", "--backend", "metal")).isEqualTo(ExitCode.USAGE);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("metal: not here", "Metal needs macOS");
    }

    @Test
    void anUnknownBackendIsNamed() {
        assertThat(run("doctor", "--backend", "abacus")).isEqualTo(ExitCode.USAGE);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("backend: expected one of", "'abacus'");
    }
}
