package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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
