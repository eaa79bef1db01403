package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.app.CliProcess.Result;
import dev.jemma.app.console.ExitCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models of a Hugging Face cache, found by name. */
class ModelNamesTest {
    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    @TempDir
    private Path home;

    @BeforeEach
    void fillCache() throws IOException {
        Path repository = home.resolve("hub/models--jemma--tiny");
        Path snapshot = Files.createDirectories(repository.resolve("snapshots").resolve(COMMIT));
        Files.createDirectories(repository.resolve("refs"));
        Files.writeString(repository.resolve("refs/main"), COMMIT);
        Path blobs = Files.createDirectories(repository.resolve("blobs"));
        try (Stream<Path> files = Files.list(Path.of(System.getProperty("jemma.golden"), "gemma3-mlx-4bit"))) {
            for (Path file : files.toList()) {
                Files.copy(file, blobs.resolve(file.getFileName()));
                Files.createSymbolicLink(
                        snapshot.resolve(file.getFileName()),
                        Path.of("../../blobs").resolve(file.getFileName()));
            }
        }
    }

    private Result jemma(String... arguments) throws IOException, InterruptedException {
        ProcessBuilder builder = CliProcess.builder(arguments);
        builder.environment().put("HF_HOME", home.toString());
        builder.environment().remove("HF_HUB_CACHE");
        builder.environment().put("XDG_CACHE_HOME", home.toString());
        builder.environment().put("HF_ENDPOINT", "http://127.0.0.1:1");
        builder.redirectOutput(home.resolve("out").toFile());
        builder.redirectError(home.resolve("err").toFile());
        int exitCode = builder.start().waitFor();
        return new Result(
                exitCode,
                Files.readString(home.resolve("out")),
                Files.readString(home.resolve("err"), StandardCharsets.UTF_8)
                        .replaceFirst("WARNING: Using incubator modules.*\\R", ""));
    }

    @Test
    void aDownloadedModelIsFoundByItsName() throws Exception {
        Result info = jemma("info", "jemma/tiny");
        assertThat(info.stderr()).isEmpty();
        assertThat(info.stdout()).startsWith("model        tiny (Gemma 3)");
        Result generated =
                jemma("generate", "-m", "jemma/tiny@main", "--raw", "-n", "2", "--backend", "reference", "x");
        assertThat(generated.exitCode()).as(generated.stderr()).isZero();
    }

    @Test
    void aModelThatIsNotThereIsOneToPull() throws Exception {
        Result result = jemma("generate", "-m", "google/gemma-3-1b-it", "x");
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr())
                .contains("which is not in " + home.resolve("hub"), "'jemma pull google/gemma-3-1b-it'")
                .hasLineCount(1);
        Result pull = jemma("pull", "google/gemma-3-1b-it");
        assertThat(pull.exitCode()).isEqualTo(ExitCode.FAILURE);
        assertThat(pull.stderr())
                .contains("no connection to http://127.0.0.1:1; check the network")
                .hasLineCount(1);
        assertThat(jemma("pull", "gemma").stderr())
                .contains("name: expected OWNER/NAME")
                .hasLineCount(1);
    }

    @Test
    void modelsListsWhatIsThereAndWhatWouldFit() throws Exception {
        Result models = jemma("models");
        assertThat(models.stderr()).isEmpty();
        assertThat(models.stdout())
                .containsPattern("demo +built in +fits")
                .containsPattern("jemma/tiny +0\\.\\d MiB +fits")
                .containsPattern(
                        "gemma-3-270m +bf16 \\(511\\.\\d MiB\\), 8-bit \\(271\\.\\d MiB\\), 4-bit \\(143\\.\\d MiB\\)");
    }
}
