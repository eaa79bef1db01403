package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.app.CliProcess.Result;
import dev.jemma.app.console.ExitCode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class GenerateCliTest {
    private static final String GOLDEN =
            Path.of(System.getProperty("jemma.golden"), "gemma3").toString();

    private static Result generate(String... arguments) {
        return CliProcess.run(command(arguments));
    }

    /** A checkpoint that babbles, on the slow but small reference backend. */
    private static String[] command(String... arguments) {
        List<String> command = new ArrayList<>(List.of("generate", "-m", GOLDEN, "--backend", "reference", "--raw"));
        command.addAll(List.of(arguments));
        return command.toArray(String[]::new);
    }

    private static JsonNode json(Result result) {
        assertThat(result.stderr()).isEmpty();
        assertThat(result.exitCode()).isZero();
        return new ObjectMapper().readTree(result.stdout());
    }

    @Test
    void jsonGivesTheReferencesTokens() {
        JsonNode golden = new ObjectMapper()
                .readTree(Path.of(GOLDEN, "golden.json").toFile())
                .get("prompts")
                .get(0);
        JsonNode result = json(generate(
                "--temp",
                "0",
                "-n",
                "20",
                "--ignore-eos",
                "--json",
                golden.get("text").asString()));
        assertThat(result.get("prompt_ids")).isEqualTo(golden.get("ids"));
        for (int i = 0; i < 20; i++) {
            assertThat(result.get("generated_ids").get(i))
                    .isEqualTo(golden.get("greedy").get(i));
        }
        assertThat(golden.get("decoded").asString())
                .startsWith(result.get("text").asString());
        assertThat(result.get("finish_reason").asString()).isEqualTo("length");
        assertThat(result.get("timings").get("generated_tokens").asInt()).isEqualTo(20);
    }

    @Test
    void logprobsComeWithEachToken() {
        JsonNode result = json(generate("--temp", "0", "-n", "3", "--json", "--logprobs", "2", "Hello"));
        assertThat(result.get("logprobs")).hasSize(3).allSatisfy(best -> {
            assertThat(best).hasSize(2);
            assertThat(best.get(0).get("logprob").asDouble())
                    .isBetween(best.get(1).get("logprob").asDouble(), 0.0);
        });
    }

    @Test
    void textGoesToStdoutAndStatisticsToStderr() {
        Result result = generate("--temp", "0", "-n", "8", "Hello world");
        assertThat(result.exitCode()).isZero();
        assertThat(result.stdout()).isEqualTo(" li liherherherherherher\n");
        assertThat(result.stderr())
                .startsWith("[prompt: 6 tokens, ")
                .contains("answer: 8 tokens")
                .hasLineCount(1);
        assertThat(generate("--temp", "0", "-n", "8", "-q", "Hello world").stderr())
                .isEmpty();
    }

    @Test
    void readsThePromptFromStdin() {
        String expected =
                generate("--temp", "0", "-n", "6", "-q", "Hello world").stdout();
        assertThat(CliProcess.runWith("Hello world\n", command("--temp", "0", "-n", "6", "-q"))
                        .stdout())
                .isEqualTo(expected);
        assertThat(CliProcess.runWith("Hello world\n", command("--temp", "0", "-n", "6", "-q", "-"))
                        .stdout())
                .isEqualTo(expected);
        assertThat(generate("--temp", "0", "-n", "6", "-q", "--prompt", "Hello world")
                        .stdout())
                .isEqualTo(expected);
    }

    @Test
    void sameSeedSameTextAnotherSeedAnother() {
        String[] seven = {"--temp", "1", "-s", "7", "-n", "20", "-q", "Once"};
        String first = generate(seven).stdout();
        assertThat(generate(seven).stdout()).isEqualTo(first);
        assertThat(generate("--temp", "1", "-s", "8", "-n", "20", "-q", "Once").stdout())
                .isNotEqualTo(first);
    }

    @Test
    void endsBeforeAStopString() {
        Result result = generate("--temp", "0", "-n", "20", "-q", "--stop", "ihe", "Hello world");
        assertThat(result.stdout()).isEqualTo(" li l\n");
    }

    @Test
    void textIsUtf8WhateverTheLocale() {
        String text = "naïve café 日本語 😀";
        JsonNode piped = json(CliProcess.runWith(text, command("--temp", "0", "-n", "1", "--json")));
        JsonNode ids = piped.get("prompt_ids");
        // The reference ids of the golden prompt end with this text's, behind other words.
        JsonNode golden = new ObjectMapper()
                .readTree(Path.of(GOLDEN, "golden.json").toFile())
                .get("prompts")
                .get(2)
                .get("ids");
        assertThat(golden.toString()).contains(tail(ids, 12));
    }

    private static String tail(JsonNode ids, int count) {
        List<String> tail = new ArrayList<>();
        for (int i = ids.size() - count; i < ids.size(); i++) {
            tail.add(ids.get(i).toString());
        }
        return String.join(",", tail);
    }

    @Test
    void refusesInputThatIsNotUtf8() {
        byte[] binary = {'a', 'b', (byte) 0xFF, (byte) 0xFE, 0, 1};
        Result result = CliProcess.runWith(binary, command());
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(result.stderr())
                .isEqualTo("jemma: stdin: expected UTF-8 text, got other bytes at offset 2;"
                        + " convert it first (iconv -t UTF-8)\n");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--top-p 2                | jemma: top-p: expected a number above 0 and up to 1, got 2.0",
                "--temp -1                | jemma: temperature: expected 0 or more, got -1.0",
                "-n 0                     | jemma: max-tokens: expected 1 or more, or -1 for no limit, got 0",
                "--ctx-size 999999        | jemma: ctx-size: expected 1 to ",
                "--ctx-size 2             | jemma: prompt: expected at most 2 tokens (the context size), got ",
                "--prefill-chunk 0        | jemma: prefill-chunk: expected 1 or more, got 0",
                "--kv-type f64            | jemma: kv-type: expected f16 or f32, got 'f64'",
                "--threads -3             | jemma: threads: expected 1 or more, or 0 for one per core, got -3",
                "--top-k many             | jemma generate: Invalid value for option '--top-k'",
                "--tmp 1                  | jemma generate: Unknown option",
                "--logprobs 3             | jemma: logprobs: expected --json with it",
                "--stop=                  | jemma: stop: expected at least one character, got an empty string",
                "--prompt again           | jemma: prompt: expected it once",
            })
    void saysWhatIsWrongInOneLine(String arguments, String message) {
        List<String> command = new ArrayList<>(List.of(arguments.split(" ")));
        command.addFirst("Hello world");
        Result result = generate(command.toArray(String[]::new));
        assertThat(result.stderr()).startsWith(message).hasLineCount(1);
        assertThat(result.stdout()).isEmpty();
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
    }

    @Test
    void namesTheBackendsThereAre() {
        Result result = CliProcess.run("generate", "--backend", "abacus", "Hello");
        assertThat(result.stderr())
                .startsWith("jemma: backend: expected auto or one of ")
                .contains("reference");
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
    }

    @Test
    void saysThatThereIsNoSuchModel() {
        Result result = CliProcess.run("generate", "--model", "/no/such/place", "Hello");
        assertThat(result.stderr())
                .startsWith("jemma: model: expected a directory with config.json")
                .hasLineCount(1);
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
    }

    @Test
    void refusesAnEmptyPromptInAChat() {
        Result result = CliProcess.runWith("", "generate", "--backend", "reference");
        assertThat(result.stderr()).isEqualTo("jemma: prompt: expected a text, got an empty one\n");
        assertThat(result.exitCode()).isEqualTo(ExitCode.USAGE);
    }

    @Test
    void staysQuietWhenTheReaderLeaves() throws IOException, InterruptedException {
        Process process = CliProcess.builder(command("--temp", "0", "-n", "400", "--ignore-eos", "Hello"))
                .start();
        process.getOutputStream().close();
        try (InputStream stdout = process.getInputStream()) {
            assertThat(stdout.read()).isNotNegative();
        }
        String stderr = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(stderr.replaceFirst("WARNING: Using incubator.*\\R", "")).isEmpty();
        assertThat(process.exitValue()).isEqualTo(ExitCode.OUTPUT_CLOSED);
    }

    @Test
    void controlCEndsWith130() throws IOException, InterruptedException {
        ProcessBuilder builder = CliProcess.builder(command("--temp", "0", "-n", "3900", "--ignore-eos", "Hello"));
        if (System.getProperty("os.name").equals("Linux")) {
            // A shell starts background jobs, perhaps this build, with the signal ignored, and the JVM would leave it
            // so.
            builder.command().addAll(0, List.of("env", "--default-signal=INT"));
        }
        Process process = builder.start();
        try (InputStream stdout = process.getInputStream()) {
            assertThat(stdout.read()).isNotNegative();
            new ProcessBuilder("kill", "-INT", String.valueOf(process.pid()))
                    .start()
                    .waitFor();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(process.exitValue()).isEqualTo(ExitCode.INTERRUPTED);
    }

    @Test
    void theDemoModelAnswersInItsChatTemplate() {
        JsonNode golden = new ObjectMapper()
                .readTree(
                        Path.of(System.getProperty("jemma.demo"), "golden.json").toFile())
                .get("prompts")
                .get(0);
        JsonNode result = json(CliProcess.run(
                "generate",
                "--backend",
                "reference",
                "--temp",
                "0",
                "-n",
                "8",
                "--json",
                "Tell me a story about a fox."));
        assertThat(golden.get("name").asString()).isEqualTo("chat");
        assertThat(result.get("prompt_ids").get(0).asInt()).isEqualTo(2);
        assertThat(result.get("generated_ids")).hasSize(8);
    }
}
