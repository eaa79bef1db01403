package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** Kills runs at random moments, from the start of the process to its end, and resumes them. */
class BatchKillTest {
    private static final int KILLS = 20;
    private static final int PROMPTS = 32;

    @TempDir
    private Path directory;

    private List<String> command(Path output) throws IOException {
        Path input = directory.resolve("in.txt");
        if (Files.notExists(input)) {
            List<String> prompts = new ArrayList<>();
            for (int i = 0; i < PROMPTS; i++) {
                prompts.add("Tell me a story about " + (i + 2) + " bears.");
            }
            Files.write(input, prompts);
        }
        return List.of(
                "generate",
                "-m",
                Path.of(System.getProperty("jemma.golden"), "gemma3").toString(),
                "--backend",
                "reference",
                "--raw",
                "--temp",
                "1",
                "--input",
                input.toString(),
                "--output",
                output.toString(),
                "--resume",
                "--seed",
                "3",
                "-n",
                "8",
                "--parallel",
                "4",
                "--ctx-size",
                "128");
    }

    private Process start(Path output) throws IOException {
        return CliProcess.builder(command(output).toArray(String[]::new))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(new File(directory.toFile(), "stderr"))
                .start();
    }

    private static Map<String, String> texts(Path output) throws IOException {
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
    void killedRunsEndUpWithTheOutputOfOneThatWasNot() throws Exception {
        Path undisturbed = directory.resolve("undisturbed.jsonl");
        long start = System.nanoTime();
        assertThat(start(undisturbed).waitFor()).isZero();
        long whole = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        Map<String, String> expected = texts(undisturbed);
        assertThat(expected).hasSize(PROMPTS);

        long seed = System.nanoTime();
        Random random = new Random(seed);
        Path output = directory.resolve("killed.jsonl");
        for (int kill = 0; kill < KILLS; kill++) {
            if (Files.exists(output) && Files.size(output) == Files.size(undisturbed)) {
                Files.delete(output);
            }
            Process process = start(output);
            if (!process.waitFor(random.nextLong(Math.max(1, whole)), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly().waitFor();
            }
        }
        assertThat(start(output).waitFor())
                .as("%s, seed %d", Files.readString(directory.resolve("stderr")), seed)
                .isZero();
        assertThat(texts(output)).as("seed %d", seed).isEqualTo(expected);
    }
}
