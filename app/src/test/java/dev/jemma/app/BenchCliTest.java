package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.jemma.app.CliProcess.Result;
import dev.jemma.app.console.ExitCode;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BenchCliTest {
    private static final String GOLDEN =
            Path.of(System.getProperty("jemma.golden"), "gemma3-mlx-4bit").toString();

    @Test
    void measuresEveryCombination() {
        Result result = CliProcess.run(("bench -m " + GOLDEN
                        + " --backend reference --no-warmup -r 2 -p 8,0 -n 4 -pg 4,2 -d 0,32 -b 1,3 -o json")
                .split(" "));
        assertThat(result.stderr()).isEmpty();
        JsonNode report = JsonMapper.shared().readTree(result.stdout());
        assertThat(report.get("tests")
                        .valueStream()
                        .map(test -> test.get("test").asString()))
                .containsExactly(
                        "pp8",
                        "tg4",
                        "tg4 x3",
                        "pp4+tg2",
                        "pp4+tg2 x3",
                        "pp8 @ d32",
                        "tg4 @ d32",
                        "tg4 x3 @ d32",
                        "pp4+tg2 @ d32",
                        "pp4+tg2 x3 @ d32");
        assertThat(report.get("tests").valueStream())
                .allSatisfy(test -> assertThat(test.get("tokens_per_s").size()).isEqualTo(2));
        assertThat(report.get("tests").valueStream()).allSatisfy(test -> {
            assertThat(test.get("read_gb_per_s").asDouble()).isPositive();
            assertThat(test.get("load_s").asDouble()).isPositive();
        });
    }

    @Test
    void measuresWithEveryNumberOfThreads() {
        Result result = CliProcess.run(
                ("bench -m " + GOLDEN + " --backend cpu --no-warmup -r 1 -p 8 -n 2 -t 1,2 -o jsonl").split(" "));
        assertThat(result.stderr()).isEmpty();
        assertThat(result.stdout().lines().map(line -> JsonMapper.shared().readTree(line)))
                .extracting(
                        row -> row.get("test").asString(),
                        row -> row.get("threads").asInt(),
                        row -> row.get("device").asString().replaceFirst(",.*", ""))
                .containsExactly(
                        tuple("pp8", 1, "1 thread"),
                        tuple("tg2", 1, "1 thread"),
                        tuple("pp8", 2, "2 threads"),
                        tuple("tg2", 2, "2 threads"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "-o xml; output: expected md, csv, json or jsonl, got 'xml'",
                "-r 0; r: expected 1 or more, got 0",
                "-t 1,-2; threads: expected 1 or more, or 0 for one per core, got -2",
                "--backend reference -t 1,2; threads: expected one value with backend reference",
                "-b 0; parallel: expected 1 or more, got 0",
                "-d -1; d: expected 0 or more, got -1",
                "-pg 7; pg: expected P,N with two counts",
                "-p 0 -n 0; bench: expected a test, got none",
                "--plot x.pdf; plot: expected a file named .svg or .png",
                "--compare x.json -o csv; compare: expected -o md",
                "--compare none.json; compare: expected a file that 'jemma bench -o json' wrote",
                "-d 100000; bench: expected tests of at most",
            })
    void refusesWhatCannotBeMeasured(String arguments, String message) {
        Result result = InProcess.run(("bench -m " + GOLDEN + " " + arguments).split(" "));
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr()).contains(message).hasLineCount(1);
    }
}
