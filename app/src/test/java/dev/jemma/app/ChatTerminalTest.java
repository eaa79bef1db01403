package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.engine.TextModel;
import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.models.chat.Message;
import dev.jemma.models.chat.Options;
import dev.jemma.models.chat.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jemma chat} as a person sees it. */
class ChatTerminalTest {
    @TempDir
    private Path directory;

    @BeforeEach
    void needsTmux() {
        assumeTrue(TmuxTerminal.isAvailable(), "tmux is not installed; chat in a terminal is not tested");
    }

    private TmuxTerminal chat(Map<String, String> environment, String... arguments) throws IOException {
        List<String> chat = new ArrayList<>(List.of("chat", "--backend", "cpu", "--temp", "0"));
        chat.addAll(List.of(arguments));
        List<String> command =
                new ArrayList<>(CliProcess.builder(chat.toArray(String[]::new)).command());
        // The launcher says so where it sees terminals.
        command.add(1, "-Djemma.terminals=012");
        Map<String, String> variables = new TreeMap<>(environment);
        variables.put("XDG_STATE_HOME", directory.resolve("state").toString());
        return new TmuxTerminal(Files.createTempDirectory(directory, "tmux"), variables, command);
    }

    private TmuxTerminal chat(String... arguments) throws IOException {
        return chat(Map.of(), arguments);
    }

    @Test
    void aSessionWithEverythingThatHappensToOne() throws IOException {
        try (TmuxTerminal terminal = chat()) {
            String start = terminal.waitForPrompt(screen -> true);
            assertThat(start)
                    .contains("Jemma with demo-model on cpu, context of 4096 tokens")
                    .doesNotContain("loading");

            // The demo model does not end this one by itself within a thousand tokens.
            terminal.enter("Tell me a story about naïve 日本語 😀.");
            terminal.waitFor(screen -> screen.length() > 500);
            terminal.resize(50, 20).type("typed during the answer").press("C-c");
            String stopped = terminal.waitForPrompt(screen -> screen.contains("[stopped]"));
            assertThat(stopped)
                    .contains("> Tell me a story about naïve 日本語 😀.")
                    .doesNotContain("typed during")
                    .doesNotContain("\ufffd");

            terminal.press("C-c");
            terminal.waitForPrompt(screen -> screen.contains("[Ctrl-D or /exit leaves]"));
            terminal.type("half a line").press("C-c");
            terminal.waitForPrompt(screen -> screen.contains("half a line"));
            terminal.enter("/nonsense");
            terminal.waitForPrompt(screen -> screen.contains("jemma: /nonsense: expected a command"));
            terminal.type("/sho").press("Tab").press("Enter");
            terminal.waitForPrompt(screen -> screen.contains("said so far     1 turn"));

            terminal.enter("/set max-tokens 3").enter("/system \"\"\"Be").enter("brief.\"\"\"");
            terminal.waitForPrompt(screen -> screen.contains("[system prompt set]"));
            terminal.enter("/regen");
            terminal.waitForPrompt(screen -> screen.contains("[cut after 3 tokens"));
            terminal.enter("/undo");
            terminal.waitForPrompt(screen -> screen.contains("[took back: Tell me a story about naïve"));
            terminal.press("C-d");
            terminal.waitFor("[status 0]");
        }
        Path history = directory.resolve("state/jemma/chat_history");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(history)))
                .isEqualTo("rw-------");
        assertThat(history).content().contains("日本語 😀", "/undo");
    }

    @Test
    void pastesOfAMegabyteAreRefusedAndTheNextSessionRemembersWhatIsShort() throws IOException {
        try (TmuxTerminal terminal = chat("-n", "2")) {
            terminal.waitForPrompt(screen -> true);
            terminal.paste("All work and no play makes a dull boy.\n".repeat(27_000))
                    .press("Enter");
            terminal.waitForPrompt(screen -> screen.contains("jemma: message: expected at most 4096 tokens"));
            terminal.paste("/undo is not\na command here").press("C-c");
            terminal.enter("Hello").waitForPrompt(screen -> screen.contains("[cut after 2 tokens"));
            terminal.enter("/exit").waitFor("[status 0]");
        }
        assertThat(Files.size(directory.resolve("state/jemma/chat_history"))).isLessThan(1000);
        try (TmuxTerminal terminal = chat(Map.of("NO_COLOR", "1"), "--ctx-size", "48", "-n", "60")) {
            terminal.waitForPrompt(screen -> true);
            terminal.press("Up", "Up").waitFor("> Hello");
            terminal.press("Enter");
            terminal.waitForPrompt(screen -> screen.contains("answer ends here"));
            terminal.enter("And then?").waitFor("[d]rop the oldest turn, or [s]top here?");
            terminal.enter("s")
                    .waitForPrompt(screen -> screen.contains("[your message was not sent; nothing was dropped"));
            terminal.enter("And then?").waitFor("[s]top here? ");
            terminal.enter("d")
                    .waitForPrompt(screen -> screen.contains("[dropped the oldest turn; the rest is read again]"));
            assertThat(terminal.screenWithStyles()).doesNotContain("\u001b[2m", "\u001b[1m");
        }
    }

    private static final List<String> THOUGHTS_AND_ANSWER = List.of(
            "<|channel>",
            "th",
            "ought",
            "\n\n",
            "▁Let",
            "▁me",
            "▁think",
            ".",
            "<channel|>",
            "▁The",
            "▁fox",
            "<0xF0>",
            "<0x9F>",
            "<0xA6>",
            "<0x8A>",
            "▁ran",
            "▁home",
            "<turn|>");

    @Test
    void thoughtsAreDimmedOrHiddenAndNeverRepeated() throws IOException {
        Path model = ScriptedModel.write(directory.resolve("scripted"), THOUGHTS_AND_ANSWER);
        Path saved = directory.resolve("saved.json");
        try (TmuxTerminal terminal = chat("-m", model.toString(), "--thinking", "-v")) {
            terminal.waitForPrompt(screen -> true);
            terminal.enter("Hello").waitForPrompt(screen -> screen.contains("end: stop"));
            String styled = terminal.screenWithStyles();
            assertThat(styled.lines().filter(line -> line.contains("Let me think.")))
                    .singleElement()
                    .asString()
                    .contains("\u001b[2m");
            assertThat(styled.lines().filter(line -> line.contains("The fox🦊 ran home")))
                    .singleElement()
                    .asString()
                    .doesNotContain("\u001b[2m");
            assertThat(styled).doesNotContain("thought\n", "channel", "\ufffd");

            terminal.enter("/set thinking hidden").enter("And then?");
            String screen = terminal.waitForPrompt(shown -> count(shown, "end: stop") == 2);
            assertThat(count(screen, "Let me think."))
                    .as("shown for the first answer only")
                    .isOne();
            assertThat(count(screen, "The fox🦊 ran home")).isEqualTo(2);
            assertThat(screen)
                    .doesNotContain("thinking ...")
                    .contains("[prompt: " + tokensWithoutThoughts(model) + " tokens, ");
            terminal.enter("/save " + saved).waitForPrompt(shown -> shown.contains("[saved to"));
            terminal.press("C-d").waitFor("[status 0]");
        }
        assertThat(saved).content().contains("The fox🦊 ran home").doesNotContain("think", "ought", "channel");
    }

    private static int count(String screen, String text) {
        return screen.split(Pattern.quote(text), -1).length - 1;
    }

    /** Of the second prompt, if the first answer is repeated without its thoughts. */
    private static int tokensWithoutThoughts(Path directory) {
        try (Device device = Backends.open("reference", DeviceOptions.DEFAULT).device();
                TextModel model = TextModel.open(directory, device)) {
            List<Message> messages = List.of(
                    new Message(Role.USER, "Hello"),
                    new Message(Role.ASSISTANT, "The fox🦊 ran home"),
                    new Message(Role.USER, "And then?"));
            return model.chatPrompt(messages, new Options(true, true)).size();
        }
    }

    @Test
    void withoutColourThoughtsAreBetweenMarks() throws IOException {
        Path model = ScriptedModel.write(directory.resolve("scripted"), THOUGHTS_AND_ANSWER);
        try (TmuxTerminal terminal = chat(Map.of("NO_COLOR", "1"), "-m", model.toString(), "--thinking")) {
            terminal.waitForPrompt(screen -> true);
            terminal.enter("Hello");
            terminal.waitForPrompt(screen -> screen.contains("[thoughts]\n")
                    && screen.contains("Let me think.")
                    && screen.contains("\n[answer]\nThe fox🦊 ran home\n"));
        }
    }

    @Test
    void aTerminalThatCanDoNothingCanBeInterruptedToo() throws IOException {
        try (TmuxTerminal terminal = chat(Map.of("TERM", "dumb"), "--no-history")) {
            terminal.waitFor("Ctrl-D leaves");
            terminal.enter("Tell me a story.").waitFor(screen -> screen.length() > 500);
            terminal.press("C-c").waitFor("[stopped]");
            terminal.enter("/exit").waitFor("[status 0]");
            assertThat(terminal.screenWithStyles()).doesNotContain("\u001b[");
        }
        assertThat(directory.resolve("state/jemma/chat_history")).doesNotExist();
    }
}
