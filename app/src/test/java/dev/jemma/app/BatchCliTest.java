package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.app.CliProcess.Result;
import dev.jemma.app.console.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class BatchCliTest {
    private static final String GOLDEN =
            Path.of(System.getProperty("jemma.golden"), "gemma3").toString();

    @TempDir
    private Path directory;

    private Path output;

    @BeforeEach
    void nameOutput() {
        output = directory.resolve("out.jsonl");
    }

    private Result batch(List<String> lines, String... arguments) throws IOException {
        Path input = directory.resolve("in.jsonl");
        Files.write(input, lines);
        List<String> command = new ArrayList<>(List.of("generate", "-m", GOLDEN, "--backend", "reference", "--raw"));
        command.addAll(List.of("--seed", "5", "--temp", "1", "-n", "12", "--ctx-size", "256"));
        command.addAll(List.of("--input", input.toString(), "--output", output.toString()));
        command.addAll(List.of(arguments));
        return CliProcess.run(command.toArray(String[]::new));
    }

    private static List<String> prompts() {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            String prompt = "Alice was not a bit hurt. ".repeat(1 + 2 * i);
            lines.add("{\"id\": \"p%d\", \"prompt\": \"%s\", \"max_tokens\": %d}".formatted(i, prompt, 4 + 3 * i));
        }
        return lines;
    }

    /** Text by id. */
    private Map<String, String> texts() throws IOException {
        Map<String, String> texts = new TreeMap<>();
        try (Stream<String> lines = Files.lines(output)) {
            lines.forEach(line -> {
                JsonNode object = new ObjectMapper().readTree(line);
                String before = texts.put(
                        object.get("id").asString(), object.get("text").asString());
                assertThat(before).as("text of %s", object.get("id")).isNull();
            });
        }
        return texts;
    }

    @Test
    void textsDoNotDependOnTheBatchAndSurviveAKill() throws IOException {
        assertThat(batch(prompts(), "--parallel", "1").exitCode()).isZero();
        Map<String, String> alone = texts();
        assertThat(alone).hasSize(7);

        List<String> shuffled = prompts();
        Collections.shuffle(shuffled, new Random(3));
        Files.delete(output);
        assertThat(batch(shuffled, "--parallel", "4").exitCode()).isZero();
        assertThat(texts()).isEqualTo(alone);

        byte[] whole = Files.readAllBytes(output);
        Files.write(output, Arrays.copyOf(whole, whole.length - whole.length / 3));
        assertThat(batch(prompts(), "--parallel", "3", "--resume").exitCode()).isZero();
        assertThat(texts()).isEqualTo(alone);
    }

    @Test
    void badLinesAreReportedAndTheOthersDone() throws IOException {
        List<String> lines = List.of(
                "{\"prompt\": \"one\"}",
                "nonsense",
                "",
                "{\"text\": \"two\"}",
                "{\"prompt\": 3}",
                "{\"prompt\": \"four\"}");
        Result result = batch(lines);
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(texts().keySet()).containsExactly("1", "6");
        assertThat(result.stderr())
                .contains(
                        "in.jsonl:2: expected a JSON object",
                        "in.jsonl:4: expected fields",
                        "in.jsonl:5: expected 'prompt'");
        Files.delete(output);
        assertThat(batch(lines, "--strict").exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(texts()).isEmpty();
    }

    @Test
    void whatALineSaysItselfGoesBeforeTheCommandLine() throws IOException {
        List<String> lines = List.of(
                "{\"id\": \"a\", \"prompt\": \"Hello\", \"temperature\": 0, \"stop\": \"h\"}",
                "{\"id\": \"b\", \"prompt\": \"Hello\", \"top_k\": 1, \"top_p\": 1, \"min_p\": 0, \"seed\": 8}",
                "{\"id\": \"c\", \"prompt\": \"Hello\", \"max_tokens\": 3, \"repeat_penalty\": 9, \"ignore_eos\": true}",
                "{\"id\": \"d\", \"prompt\": \"Hello\", \"system\": \"Be brief.\"}",
                "{\"id\": \"e\", \"prompt\": \"Hello\", \"messages\": []}");
        Result result = batch(lines);
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr())
                .contains(
                        "in.jsonl:4: expected a prompt alone with --raw",
                        "in.jsonl:5: expected either 'messages', or 'prompt'");
        Map<String, String> texts = texts();
        assertThat(texts.keySet()).containsExactly("a", "b", "c");
        assertThat(texts.get("b")).as("top-k 1 is greedy").startsWith(texts.get("a"));
        assertThat(texts.get("a")).doesNotContain("h");
        assertThat(results())
                .filteredOn(line -> line.get("id").asString().equals("c"))
                .allSatisfy(
                        line -> assertThat(line.get("generated_tokens").asInt()).isEqualTo(3));
    }

    @Test
    void oneLineOfOtherBytesStopsNothing() throws IOException {
        Path input = directory.resolve("in.txt");
        Files.write(input, new byte[] {(byte) 0xef, (byte) 0xbb, (byte) 0xbf, 'a', '\n', 'b', (byte) 0xff, '\n', 'c'});
        Result result = InProcess.run(
                "generate",
                "-m",
                GOLDEN,
                "--backend",
                "reference",
                "--raw",
                "-n",
                "1",
                "-q",
                "--input",
                input.toString());
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr())
                .isEqualTo("jemma: " + input + ":2: text: expected UTF-8 text, got other bytes at"
                        + " offset 1; convert it first (iconv -t UTF-8)\n");
        assertThat(result.stdout())
                .hasLineCount(2)
                .contains("\"id\":\"1\",\"prompt\":\"a\"", "\"id\":\"3\",\"prompt\":\"c\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--output=x.jsonl", "--parallel=2", "--resume", "--strict", "--shard=1/2"})
    void whatIsForManyPromptsIsRefusedForOne(String option) {
        Result result = InProcess.run("generate", "-m", GOLDEN, option, "Hello");
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr()).contains("expected --input with them").hasLineCount(1);
    }

    @Test
    void shardsAreAllOfTheInputAndDisjoint() throws IOException {
        assertThat(batch(prompts(), "--shard", "1/2").exitCode()).isZero();
        assertThat(texts().keySet()).containsExactly("p0", "p2", "p4", "p6");
        assertThat(batch(prompts(), "--shard", "2/2", "--resume").exitCode()).isZero();
        assertThat(texts()).hasSize(7);
    }

    @Test
    void doesNotOverwriteResults() throws IOException {
        Files.writeString(output, "precious");
        Result result = batch(prompts());
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr()).contains("output: expected a new file").contains("--resume");
        assertThat(batch(prompts(), "--resume").stderr()).contains("output: expected the results of an earlier run");
        assertThat(output).hasContent("precious");
    }

    @Test
    void tablesHaveAHeaderLine() throws IOException {
        Path table = directory.resolve("in.CSV");
        Files.writeString(
                table,
                "\ufeffid,prompt,max_tokens,seed\r\na,\"two\nlines, and a \"\"quote\"\"\",3,\nb,plain,,7\nc,,4,\nd,x,many,\n"
                        + "e,x,,,too many\n");
        Result result = CliProcess.run(
                "generate",
                "-m",
                GOLDEN,
                "--backend",
                "reference",
                "--raw",
                "--seed",
                "5",
                "-n",
                "2",
                "--ctx-size",
                "64",
                "--input",
                table.toString(),
                "--output",
                output.toString());
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr())
                .contains(
                        "in.CSV:5: expected 'prompt' to be a text, got none",
                        "in.CSV:6: expected 'max_tokens' to be a number, got 'many'",
                        "in.CSV:7: expected 4 cells, as the header line has, got 5",
                        "[2 texts, 5 tokens");
        List<JsonNode> lines = results();
        assertThat(lines).hasSize(2);
        JsonNode a = lines.stream()
                .filter(line -> line.get("id").asString().equals("a"))
                .findFirst()
                .orElseThrow();
        assertThat(a.get("prompt").asString()).isEqualTo("two\nlines, and a \"quote\"");
        assertThat(a.get("generated_tokens").asInt()).isEqualTo(3);
    }

    private List<JsonNode> results() throws IOException {
        try (Stream<String> lines = Files.lines(output)) {
            return lines.map(line -> new ObjectMapper().readTree(line)).toList();
        }
    }

    @Test
    void whatPromptsShareIsReadOnce() throws IOException {
        String shared = "Alice was beginning to get very tired of sitting by her sister on the bank. ";
        List<String> lines = new ArrayList<>();
        for (String own : List.of("She", "He was", "They")) {
            lines.add("{\"prompt\": \"" + shared + own + "\"}");
        }
        assertThat(batch(lines, "--parallel", "2").exitCode()).isZero();
        assertThat(results())
                .hasSize(3)
                .allSatisfy(line -> assertThat(line.get("reused_tokens").asInt())
                        .isBetween(16, line.get("prompt_tokens").asInt() - 1));
    }

    @Test
    void aReaderThatGoesAwayEndsTheRunQuietly() throws Exception {
        Path input = directory.resolve("in.jsonl");
        Files.write(input, prompts());
        Process process = shell("%s | head -n 1", "--parallel", "1", "--input", input.toString());
        String line = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(line).startsWith("{\"id\":\"p0\"").hasLineCount(1);
        String errors = new String(process.getErrorStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(errors).doesNotContain("Exception", "\tat ");
        assertThat(process.waitFor()).as("what the first of the pipe says").isEqualTo(ExitCode.OUTPUT_CLOSED);
    }

    /** A limit on the size of files stands for a full disk: write fails with "File too large", after part of a line. */
    @Test
    void aFullDiskLosesNoFinishedLine() throws Exception {
        Path input = directory.resolve("in.jsonl");
        Files.write(input, prompts());
        String[] files = {"--input", input.toString(), "--output", output.toString(), "--parallel", "2"};
        Process process = shell("trap '' XFSZ; ulimit -f 1; %s", files);
        String errors = new String(process.getErrorStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(errors).isEqualTo(ExitCode.FAILURE);
        assertThat(errors).contains("jemma: " + output + ": ").doesNotContain("\tat ");
        int before = results().size();
        assertThat(before).as("lines of a KiB or two").isBetween(1, 6);
        assertThat(Files.readString(output)).endsWith("\n");

        assertThat(batch(prompts(), "--resume", "--parallel", "2").exitCode()).isZero();
        Map<String, String> resumed = texts();
        Files.delete(output);
        assertThat(batch(prompts(), "--parallel", "2").exitCode()).isZero();
        assertThat(resumed).hasSize(7).isEqualTo(texts());
    }

    /** Runs the batch in a shell; {@code %s} of the script is its command line. */
    private static Process shell(String script, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of("generate", "-m", GOLDEN, "--backend", "reference", "--raw"));
        command.addAll(List.of("--seed", "5", "--temp", "1", "-n", "12", "--ctx-size", "256"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = CliProcess.builder(command.toArray(String[]::new));
        String quoted = builder.command().stream()
                .map(word -> "'" + word + "'")
                .collect(java.util.stream.Collectors.joining(" "));
        builder.command("bash", "-c", "set -o pipefail; " + script.formatted(quoted));
        return builder.start();
    }
}
