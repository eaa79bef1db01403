package dev.jemma.app.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.opentest4j.TestAbortedException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BenchFormatTest {
    private static final BenchSetup SETUP =
            new BenchSetup("m \"1\"", "BF16", 3L << 20, 2_000_000, "cpu", 2, "2 threads", 0.5, OptionalDouble.of(20e9));
    private static final BenchRow PROMPT = new BenchRow(
            SETUP, new BenchTest(512, 0, 0, 1), List.of(1000.0, 2000.0, 3000.0), 0, 12.5, OptionalLong.of(1L << 29));
    private static final BenchRow ANSWERS =
            new BenchRow(SETUP, new BenchTest(0, 128, 2048, 4), List.of(40.0), 5, 0, OptionalLong.of(1L << 30));

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({
        "512, 0, 0, 1, pp512",
        "0, 128, 2048, 1, tg128 @ d2048",
        "512, 128, 0, 1, pp512+tg128",
        "0, 16, 512, 8, tg16 x8 @ d512",
    })
    void namesAreThoseOfLlamaBench(int prompt, int generated, int depth, int sequences, String name) {
        assertThat(new BenchTest(prompt, generated, depth, sequences).name()).isEqualTo(name);
    }

    private static List<String> lines(BenchFormat format, EarlierReport earlier) {
        StringBuilder text = new StringBuilder();
        BenchOutput output = format.open(text, earlier);
        output.row(PROMPT);
        output.row(ANSWERS);
        output.end();
        return text.toString().lines().toList();
    }

    private EarlierReport report(String tests) throws IOException {
        return EarlierReport.read(
                Files.writeString(directory.resolve("old.json"), "{\"tests\": [%s]}".formatted(tests)));
    }

    @Test
    void statisticsOfARow() {
        assertThat(PROMPT.mean()).isEqualTo(2000);
        assertThat(PROMPT.deviation()).isEqualTo(1000);
        assertThat(PROMPT.median()).isEqualTo(2000);
        assertThat(PROMPT.secondsToFirstToken()).isEqualTo(0.256);
        assertThat(ANSWERS.perSequence()).isEqualTo(10);
    }

    @Test
    void markdownHasARowForEachTest() {
        List<String> lines = lines(BenchFormat.MD, EarlierReport.NONE);
        assertThat(lines)
                .map(line -> line.replaceAll(" +", " "))
                .contains(
                        "| m \"1\" | 3.0 MiB | 0.00 B | cpu | 2 | pp512 | 2000.00 ± 1000.00 | | 256.0 | | | 12.5 |",
                        "| m \"1\" | 3.0 MiB | 0.00 B | cpu | 2 | tg128 x4 @ d2048 | 40.00 ± 0.00 | 10.00 | | 5.00 | 25 % | |",
                        "2 threads; loaded in 0.50 s; reads 20.0 GB/s",
                        "memory: at most 1.00 GiB");
        assertThat(lines.subList(0, 4))
                .as("columns")
                .allSatisfy(line -> assertThat(line).hasSameSizeAs(lines.getFirst()));
    }

    @Test
    void rowsAreWrittenAsTheyCome() {
        StringBuilder text = new StringBuilder();
        for (BenchFormat format : List.of(BenchFormat.MD, BenchFormat.CSV, BenchFormat.JSONL)) {
            text.setLength(0);
            format.open(text, EarlierReport.NONE).row(PROMPT);
            assertThat(text.toString()).as("%s", format).contains("pp512").endsWith("\n");
        }
    }

    @Test
    void ratiosAreToTheTestOfTheSameNameWithAsManyThreads() throws IOException {
        List<String> lines = lines(
                BenchFormat.MD,
                report("{\"test\": \"pp512\", \"threads\": 2, \"mean\": 500.0},"
                        + "{\"test\": \"pp512\", \"threads\": 1, \"mean\": 250.0},"
                        + "{\"test\": \"tg128 x4 @ d2048\", \"threads\": 1, \"mean\": 7}"));
        assertThat(lines.get(0)).endsWith("| ratio |");
        assertThat(lines.get(2)).endsWith("|     12.5 |  4.00 |");
        assertThat(lines.get(3)).endsWith("|    25 % |          |       |");
        assertThat(lines.getLast()).startsWith("memory");
        assertThat(lines(BenchFormat.MD, report("{\"test\": \"pp1\", \"threads\": 2, \"mean\": 1}")))
                .last()
                .asString()
                .startsWith("no ratios: the earlier report has no test of the same name");
    }

    @Test
    void jsonCanBeComparedWithAndJsonlIsOneObjectATest() throws IOException {
        List<String> json = lines(BenchFormat.JSON, EarlierReport.NONE);
        Path file = Files.write(directory.resolve("new.json"), json);
        assertThat(EarlierReport.read(file).ratio(PROMPT)).hasValue(1);
        assertThat(EarlierReport.read(file).ratio(ANSWERS)).hasValue(1);
        List<JsonNode> lines = lines(BenchFormat.JSONL, EarlierReport.NONE).stream()
                .map(line -> JsonMapper.shared().readTree(line))
                .toList();
        assertThat(lines).hasSize(2);
        assertThat(lines.getLast().get("share_of_read").asDouble()).isEqualTo(0.25);
        assertThat(lines.getLast().get("depth").asInt()).isEqualTo(2048);
        assertThat(lines.getLast().get("threads").asInt()).isEqualTo(2);
        assertThat(lines.getFirst().get("median").asDouble()).isEqualTo(2000);
    }

    @Test
    void csvQuotesWhatNeedsIt() {
        List<String> lines = lines(BenchFormat.CSV, EarlierReport.NONE);
        assertThat(lines).hasSize(3);
        assertThat(lines.get(1))
                .startsWith("\"m \"\"1\"\"\",BF16,3145728,2000000,cpu,2,pp512,512,0,0,1,2000.0,1000.0,");
        assertThat(lines.get(1)).as("no rate of reading memory").endsWith(",0.256,,,12.5");
        assertThat(lines.get(2)).as("no first token, no operations").endsWith(",,5.0,0.25,");
        assertThat(lines.get(0).split(",")).hasSameSizeAs(lines.get(1).split(",", -1));
    }

    @Test
    void otherFilesCannotBeComparedWith() throws IOException {
        Path file = Files.writeString(directory.resolve("x.json"), "[]");
        assertThatThrownBy(() -> EarlierReport.read(file))
                .isInstanceOf(UsageException.class)
                .hasMessageStartingWith("compare: expected a file that 'jemma bench -o json' wrote");
        assertThatThrownBy(() -> EarlierReport.read(directory.resolve("none"))).isInstanceOf(UsageException.class);
    }

    @Test
    void plotsAreFilesOfTheirFormat() throws IOException {
        assertThat(BenchPlot.canWrite(Path.of("x.pdf"))).isFalse();
        Path svg = directory.resolve("x.svg");
        try {
            new BenchPlot(List.of(PROMPT, ANSWERS)).write(svg);
        } catch (UsageException noFonts) {
            assertThat(noFonts).hasMessageContaining("install fontconfig");
            throw new TestAbortedException(noFonts.getMessage(), noFonts);
        }
        assertThat(Files.readString(svg)).contains("<svg", "<path").endsWith("</svg>\n");
        Path png = directory.resolve("x.PNG");
        assertThat(BenchPlot.canWrite(png)).isTrue();
        new BenchPlot(List.of(PROMPT, ANSWERS)).write(directory.resolve("x.png"));
        assertThat(Files.readAllBytes(directory.resolve("x.png"))).startsWith(0x89, 'P', 'N', 'G');
    }
}
