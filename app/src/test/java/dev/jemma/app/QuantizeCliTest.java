package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.app.CliProcess.Result;
import dev.jemma.app.console.ExitCode;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QuantizeCliTest {
    private static final Pattern LOSS = Pattern.compile("perplexity [0-9.]+ ± [0-9.]+ \\(loss ([0-9.]+) nats .*\\)\\n");

    @TempDir
    private Path directory;

    private static String story() throws URISyntaxException {
        return Path.of(Objects.requireNonNull(QuantizeCliTest.class.getResource("story.txt"))
                        .toURI())
                .toString();
    }

    private static double loss(String model) throws URISyntaxException {
        Result result = CliProcess.run("perplexity", "--backend", "reference", "--tokens", "120", model, story());
        assertThat(result.exitCode()).as(result.stderr()).isZero();
        Matcher matcher = LOSS.matcher(result.stdout());
        assertThat(matcher.matches()).as(result.stdout()).isTrue();
        return Double.parseDouble(matcher.group(1));
    }

    /** The demo model's loss is 3.5 to 4; 8 bits are within a hundredth of it, 4 bits cost something, and not much. */
    @Test
    void quantizationCostsLittle() throws Exception {
        double[] losses = new double[2];
        for (int i = 0; i < 2; i++) {
            Path output = directory.resolve("out" + i);
            Result result = CliProcess.run("quantize", "demo", "--bits", i == 0 ? "8" : "4", "-o", output.toString());
            assertThat(result.exitCode()).as(result.stderr()).isZero();
            assertThat(result.stderr()).startsWith("jemma: wrote ").contains(" MiB");
            losses[i] = loss(output.toString());
        }
        double unquantized = loss("demo");
        assertThat(unquantized).isBetween(3.0, 4.5);
        assertThat(Math.abs(losses[0] - unquantized)).isLessThan(0.02);
        assertThat(losses[1] - unquantized).isBetween(0.0, 0.5);
    }

    @ParameterizedTest
    @CsvSource({
        "--bits=5, 'bits: expected 4 or 8, got 5'",
        "--group=16, 'group: expected 32, 64 or 128, got 16'",
    })
    void refusesOtherForms(String option, String message) {
        Result result = InProcess.run(
                "quantize", "demo", option, "-o", directory.resolve("out").toString());
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr()).contains(message).hasLineCount(1);
        assertThat(directory.resolve("out")).doesNotExist();
    }

    @Test
    void overwritesNothingAndLeavesNothingHalfDone() throws Exception {
        Path precious = Files.writeString(directory.resolve("precious"), "x");
        Result result = InProcess.run("quantize", "demo", "-o", directory.toString());
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr()).contains("output: expected a directory that is not there yet");
        Path quantized = Path.of(System.getProperty("jemma.golden"), "gemma3-mlx-4bit");
        result = InProcess.run(
                "quantize", quantized.toString(), "-o", directory.resolve("out").toString());
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr()).contains("quantize the original checkpoint instead");
        assertThat(directory).isDirectoryNotContaining(path -> !path.equals(precious));
    }

    @Test
    void perplexityRefusesWhatItCannotRead() {
        Result result = InProcess.run(
                "perplexity", "demo", directory.resolve("none.txt").toString());
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr()).contains("file: expected a text file").hasLineCount(1);
        assertThat(InProcess.run("perplexity").exitCode()).isEqualTo(ExitCode.USAGE);
        Result binary = CliProcess.runWith(new byte[] {'a', (byte) 0xFF}, "perplexity", "-");
        assertThat(binary.stderr()).contains("stdin: expected UTF-8 text, got other bytes at offset 1");
    }
}
