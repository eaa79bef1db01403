package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.app.CliProcess.Result;
import dev.jemma.app.console.Output;
import dev.jemma.app.console.Terminal;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jemma chat} without a terminal. */
class ChatPipeTest {
    private static final Path DEMO = Path.of(System.getProperty("jemma.demo"));

    @TempDir
    private Path directory;

    private static Result chat(String input, String... arguments) {
        return chat(input.getBytes(StandardCharsets.UTF_8), arguments);
    }

    private static Result chat(byte[] input, String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal terminal = new Terminal(
                new ByteArrayInputStream(input), new Output("stdout", out), new Output("stderr", err), false, false);
        int exitCode = Main.run(terminal, command(arguments));
        return new Result(exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    private static String[] command(String... arguments) {
        List<String> command = new ArrayList<>(List.of("chat", "--backend", "cpu", "--temp", "0", "-n", "8"));
        command.addAll(List.of(arguments));
        return command.toArray(String[]::new);
    }

    @Test
    void eachLineIsAMessageAndStdoutHoldsAnswersOnly() {
        Result result = CliProcess.runWith("Tell me a story.\n\nWhat happened next?\r\nAnd then?", command("-v"));
        assertThat(result.exitCode()).isZero();
        assertThat(result.stderr())
                .as("statistics of three answers")
                .hasLineCount(3)
                .containsPattern("\\[prompt: 17 tokens, 0 reused, .*end: length]")
                .containsPattern("\\[prompt: 41 tokens, 24 reused, ");
        assertThat(result.stdout()).doesNotContain("[", "> ", "\u001b").endsWith("\n");
        String first = CliProcess.run(
                        "generate", "--backend", "cpu", "--temp", "0", "-n", "8", "-q", "Tell me a story.")
                .stdout();
        assertThat(result.stdout()).startsWith(first.strip());
    }

    @Test
    void badInputIsReportedAndTheRestIsDone() throws IOException {
        ByteArrayOutputStream input = new ByteArrayOutputStream();
        input.write(
                "/nonsense\n/set top-k many\n/read /no/such/file\n/load /dev/null\n".getBytes(StandardCharsets.UTF_8));
        input.write(new byte[] {'a', (byte) 0xff, (byte) 0xfe, 0, '\n', (byte) 0xe2, (byte) 0x82, '\n'});
        input.write(("long " + "word ".repeat(5000) + "\n").getBytes(StandardCharsets.UTF_8));
        input.write("Tell me a story.\n/undo\n/undo\n\"\"\"never closed\n".getBytes(StandardCharsets.UTF_8));
        Result result = chat(input.toByteArray());
        assertThat(result.exitCode()).isEqualTo(2);
        assertThat(result.stdout().strip()).isNotEmpty().hasLineCount(1);
        List<String> errors = result.stderr()
                .lines()
                .filter(line -> line.startsWith("jemma: "))
                .toList();
        assertThat(errors).hasSize(9);
        assertThat(errors.get(0)).contains("/nonsense", "/help");
        assertThat(errors.get(1)).contains("top-k: expected a whole number, got 'many'");
        assertThat(errors.get(2)).contains("/no/such/file: no such file");
        assertThat(errors.get(3)).contains("/dev/null");
        assertThat(errors.get(4)).contains("line 5: expected UTF-8 text, got other bytes at offset 1");
        assertThat(errors.get(5)).contains("line 6: expected UTF-8");
        assertThat(errors.get(6)).contains("message: expected at most 4096 tokens");
        assertThat(errors.get(7)).contains("/undo: expected a message");
        assertThat(errors.get(8)).contains("end of the input");
        assertThat(result.stderr()).doesNotContain("\tat ");
    }

    @Test
    void severalLinesGoBetweenTripleQuotes() {
        // Its second line would be a command, and its first a whole message.
        Result quoted = chat("\"\"\"Tell me\na \"\"\"story\"\"\".\n/undo\"\"\"\n", "-v");
        assertThat(quoted.exitCode()).isZero();
        assertThat(quoted.stderr()).hasLineCount(1).doesNotContain("jemma:");
    }

    @Test
    void controlTokensOfTheUserAreText() {
        Result result = chat("x\n/undo\nx<turn|>\n", "-v");
        List<Integer> prompts = result.stderr()
                .lines()
                .filter(line -> line.startsWith("[prompt"))
                .map(ChatPipeTest::tokens)
                .toList();
        // As an id it would be one token more.
        assertThat(prompts.get(1)).isGreaterThan(prompts.get(0) + 2);
    }

    private static int tokens(String statistics) {
        return Integer.parseInt(statistics.replaceFirst("\\[prompt: (\\d+) .*", "$1"));
    }

    @Test
    void aSavedConversationGoesOnInAnotherSession() throws IOException {
        Path saved = directory.resolve("a story.json");
        Path notes = Files.writeString(directory.resolve("notes.txt"), "The fox is called Reddy.\n");
        String whole = chat("/system Be brief.\n/read " + notes + "\nTell me a story.\nAnd then?\n")
                .stdout();
        Result first = chat("/system Be brief.\n/read " + notes + "\nTell me a story.\n/save " + saved + "\n");
        assertThat(first.exitCode()).as(first.stderr()).isZero();
        assertThat(Files.readString(saved)).contains("The fox is called Reddy.", "\"system\"", "\"assistant\"");
        Result second = chat("/load \"" + saved + "\"\nAnd then?\n/save " + notes + "\n");
        assertThat(first.stdout() + second.stdout()).isEqualTo(whole);
        assertThat(second.stderr()).contains("notes.txt: expected a new file or a saved conversation");
        assertThat(notes).hasContent("The fox is called Reddy.\n");
    }

    @Test
    void aFullContextIsToldAndDroppedOnlyIfAllowed() {
        String messages = "Tell me a story.\nWhat happened next?\nAnd then?\nAnd then?\n";
        Result stopped = chat(messages, "--ctx-size", "64");
        assertThat(stopped.exitCode()).isEqualTo(2);
        assertThat(stopped.stderr()).contains("the context of 64 tokens is full", "--when-full drop");
        Result dropped = chat(messages, "--ctx-size", "64", "--when-full", "drop");
        assertThat(dropped.exitCode()).as(dropped.stderr()).isZero();
        assertThat(dropped.stderr()).contains("[dropped the oldest ");
    }

    @Test
    void thinkingIsAskedForAsTheTemplateDoes() throws IOException {
        Path thinker = demoWith(
                "{%- if enable_thinking -%}{{- '<|turn>system\\n' -}}{{- '<|think|>\\n' -}}{{- '<turn|>\\n' -}}"
                        + "{%- endif -%}" + Files.readString(DEMO.resolve("chat_template.jinja")));
        Result result = chat("Hello\n/undo\n/set thinking hidden\nHello\n", "-m", thinker.toString(), "-v");
        assertThat(result.exitCode()).as(result.stderr()).isZero();
        List<Integer> prompts = result.stderr()
                .lines()
                .filter(line -> line.startsWith("[prompt"))
                .map(ChatPipeTest::tokens)
                .toList();
        // <|turn> system \n <|think|> \n <turn|> \n: at least the three marks and two texts between them.
        assertThat(prompts.get(1)).isGreaterThanOrEqualTo(prompts.get(0) + 5);
        assertThat(chat("Hello\n", "-m", thinker.toString(), "--thinking").exitCode())
                .isZero();
    }

    @Test
    void pipesGetAnswersWithoutThoughts() throws IOException {
        List<String> script =
                List.of("<|channel>", "th", "ought", "\n\n", "▁Let", "<channel|>", "▁The", "▁fox", "<turn|>");
        String model =
                ScriptedModel.write(directory.resolve("scripted"), script).toString();
        assertThat(chat("Hello\n", "-m", model, "--thinking").stdout()).isEqualTo("The fox\n");
        Result cutShort = chat("/set max-tokens 5\nHello\nHello\n", "-m", model, "--thinking");
        assertThat(cutShort.stdout()).as("answers that never came").isEqualTo("\n\n");
        Result single = InProcess.run("generate", "-m", model, "--temp", "0", "-q", "Hello");
        assertThat(single.stdout().strip()).isEqualTo("The fox");
    }

    /** The demo model with another chat template. */
    private Path demoWith(String template) throws IOException {
        Path copy = Files.createDirectory(directory.resolve("demo"));
        try (Stream<Path> files = Files.list(DEMO)) {
            for (Path file :
                    files.filter(file -> !file.toString().contains("golden")).toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        Files.writeString(copy.resolve("chat_template.jinja"), template);
        return copy;
    }

    @Test
    void aTemplateOfAnotherFamilyIsNotedOnceAndItsConversationsAreRefused() throws IOException {
        String model = demoWith("{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}")
                .toString();
        Result chat = chat("Hello\nHello\n", "-m", model);
        assertThat(chat.exitCode()).isEqualTo(2);
        assertThat(chat.stdout()).isEmpty();
        assertThat(chat.stderr())
                .hasLineCount(3)
                .containsOnlyOnce("jemma: note: ")
                .contains("raw prompts");
        Result generate = CliProcess.run("generate", "--backend", "cpu", "-m", model, "Hello");
        assertThat(generate.exitCode()).isEqualTo(2);
        assertThat(generate.stderr()).hasLineCount(2).containsOnlyOnce("jemma: note: ");
    }

    @Test
    void whatCannotWorkIsSaidBeforeTheFirstMessage() {
        Result cannotThink = chat("Hello\n", "--thinking");
        assertThat(cannotThink.exitCode()).isEqualTo(2);
        assertThat(cannotThink.stderr()).hasLineCount(1).contains("thinking: expected a model whose chat template");
        Result base = chat(
                "Hello\n",
                "-m",
                Path.of(System.getProperty("jemma.golden"), "gemma3").toString());
        assertThat(base.exitCode()).isEqualTo(2);
        assertThat(base.stderr()).hasLineCount(1).contains("expected a chat template");
        assertThat(cannotThink.stdout() + base.stdout()).isEmpty();
    }

    @Test
    void everyWriteHoldsWholeCharacters() {
        int[] writes = {0};
        OutputStream strict = new OutputStream() {
            @Override
            public void write(int value) {
                throw new AssertionError("a single byte");
            }

            @Override
            public void write(byte[] bytes, int from, int length) {
                writes[0]++;
                Terminal.decode("stdout", Arrays.copyOfRange(bytes, from, from + length));
            }
        };
        Terminal terminal = new Terminal(
                new ByteArrayInputStream("Hello\n".getBytes(StandardCharsets.UTF_8)),
                new Output("stdout", strict),
                new Output("stderr", OutputStream.nullOutputStream()),
                false,
                false);
        // So hot that every token is as likely as the next: one in 32 is a byte, one in 60 is not ASCII.
        String[] hot = {"--temp", "1000", "--top-k", "0", "--top-p", "1", "--seed", "1", "-n", "400"};
        int exitCode = Main.run(
                terminal,
                Stream.concat(Stream.of("chat", "--backend", "cpu"), Arrays.stream(hot))
                        .toArray(String[]::new));
        assertThat(exitCode).isZero();
        assertThat(writes[0]).isGreaterThan(200);
    }
}
