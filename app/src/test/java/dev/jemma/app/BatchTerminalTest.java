package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code jemma generate --input} as a person sees it. */
class BatchTerminalTest {
    private static final int PROMPTS = 6;

    @TempDir
    private Path directory;

    @Test
    void progressIsOneLineHoweverNarrowTheTerminal() throws IOException {
        assumeTrue(TmuxTerminal.isAvailable(), "tmux is not installed; progress in a terminal is not tested");
        Path input = Files.write(directory.resolve("in.txt"), Collections.nCopies(PROMPTS, "Tell me a story."));
        Path output = directory.resolve("out.jsonl");
        try (TmuxTerminal terminal = generate(input, output, 100)) {
            terminal.resize(40, 24);
            terminal.waitFor("generate [");
            String end = terminal.waitFor("[status 0]");
            assertThat(end).contains("[" + PROMPTS + " texts, ").doesNotContain("generate [");
        }
        assertThat(output).content().hasLineCount(PROMPTS);
    }

    @Test
    void anInterruptedBatchTakesItsProgressAway() throws IOException {
        assumeTrue(TmuxTerminal.isAvailable(), "tmux is not installed; an interrupt in a terminal is not tested");
        Path input = Files.write(directory.resolve("in.txt"), Collections.nCopies(PROMPTS, "Tell me a story."));
        try (TmuxTerminal terminal = generate(input, directory.resolve("out.jsonl"), 1000)) {
            terminal.waitFor("generate [");
            terminal.press("C-c");
            assertThat(terminal.waitFor("[status 130]")).doesNotContain("generate [");
        }
    }

    private TmuxTerminal generate(Path input, Path output, int tokens) {
        List<String> command = new ArrayList<>(CliProcess.builder(
                        "generate",
                        "--backend",
                        "cpu",
                        "--temp",
                        "0",
                        "-n",
                        String.valueOf(tokens),
                        "--parallel",
                        "2",
                        "--input",
                        input.toString(),
                        "--output",
                        output.toString())
                .command());
        // The launcher says so where it sees terminals.
        command.add(1, "-Djemma.terminals=012");
        return new TmuxTerminal(directory, Map.of(), command);
    }
}
