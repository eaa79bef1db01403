package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.app.CliProcess.Result;
import dev.jemma.app.console.ExitCode;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class MainTest {
    @Test
    void helpTeaches() {
        Result main = CliProcess.run("--help");
        assertThat(main.exitCode()).isZero();
        assertThat(main.stdout()).contains("Usage: jemma", "Examples:", "generate", "info", "synthetic");
        Result generate = CliProcess.run("generate", "--help");
        assertThat(generate.stdout()).contains("--temp", "--top-k", "--seed", "Examples:");
        assertThat(CliProcess.run().stdout()).isEqualTo(main.stdout());
    }

    @Test
    void versionNamesJavaAndBackends() {
        Result version = CliProcess.run("--version");
        assertThat(version.stdout()).matches("(?s)jemma \\d+\\.\\d+\\.\\d+\\Rjava 2\\d.*\\Rbackends .*reference.*\\R");
    }

    @Test
    void unknownCommandsAreRefused() {
        Result result = CliProcess.run("generat");
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr()).startsWith("jemma: ").contains("generate").hasLineCount(1);
    }

    @Test
    void infoDescribesAModel() {
        Result text = CliProcess.run("info");
        assertThat(text.stderr()).isEmpty();
        assertThat(text.stdout())
                .contains("demo-model (Gemma 4)", "12.07 million", "sssFsssF", "window 128", "cache", "<turn|>");
        String golden =
                Path.of(System.getProperty("jemma.golden"), "gemma4-moe").toString();
        JsonNode json = new ObjectMapper()
                .readTree(CliProcess.run("info", "--json", "--ctx-size", "64", golden)
                        .stdout());
        assertThat(json.get("experts").asInt()).isEqualTo(8);
        assertThat(json.get("context").asInt()).isEqualTo(64);
    }

    @Test
    void infoRefusesWhatIsNoModel() {
        Result result = CliProcess.run("info", System.getProperty("jemma.root"));
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr())
                .startsWith("jemma: ")
                .doesNotContain("\tat ")
                .hasLineCount(1);
    }
}
