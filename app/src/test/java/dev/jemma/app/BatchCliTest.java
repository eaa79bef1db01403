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
}
