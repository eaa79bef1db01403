package dev.jemma.app.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ProgressBarTest {
    private final ByteArrayOutputStream error = new ByteArrayOutputStream();

    private Terminal terminal(boolean errorIsTerminal) {
        Output out = new Output("stdout", new ByteArrayOutputStream());
        return new Terminal(InputStream.nullInputStream(), out, new Output("stderr", error), false, errorIsTerminal);
    }

    @Test
    void saysHowFarAndHowLong() {
        ProgressBar bar = new ProgressBar(terminal(true), "pull");
        assertThat(bar.line(0.25, "1 MiB/s", 30))
                .isEqualTo("pull [######..................]  25 %, 1:30 left, 1 MiB/s");
        assertThat(bar.line(0.01, "", 72)).isEqualTo("pull [........................]   1 %, 1:58 h left");
        assertThat(bar.line(1, "", 72)).isEqualTo("pull [########################] 100 %");
        assertThat(bar.line(-1, "3 texts", 72)).isEqualTo("pull 3 texts");
    }

    @Test
    void whatWasDoneBeforeDoesNotCountAsFast() {
        ProgressBar bar = new ProgressBar(terminal(true), "pull", 0.5);
        assertThat(bar.line(0.75, "", 10)).endsWith("0:10 left");
    }

    @Test
    void drawsOnTerminalsOnly() {
        try (ProgressBar bar = new ProgressBar(terminal(false), "x")) {
            bar.show(0.5, "");
        }
        assertThat(error.size()).isZero();
        try (ProgressBar bar = new ProgressBar(terminal(true), "x")) {
            bar.show(0.5, "");
            bar.show(0.6, "too soon to be drawn");
        }
        assertThat(error.toString(StandardCharsets.UTF_8))
                .startsWith("\r\u001b[K\u001b[?7lx [############")
                .contains(" left\u001b[?7h")
                .doesNotContain("too soon")
                .endsWith("\r\u001b[K");
    }
}
