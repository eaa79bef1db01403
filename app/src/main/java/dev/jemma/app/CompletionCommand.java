package dev.jemma.app;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code jemma completion}: a script that completes commands, options and file names. */
@Command(
        name = "completion",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Prints a script with which a shell completes Jemma's commands and options.",
        footer = {
            "",
            "Examples:",
            "  source <(jemma completion bash)                                  # this shell",
            "  jemma completion bash > ~/.local/share/bash-completion/completions/jemma",
            "  echo 'source <(jemma completion zsh)' >> ~/.zshrc"
        })
final class CompletionCommand implements Callable<Integer> {
    /** The script for bash turns on zsh's emulation where it finds itself in zsh. */
    private static final List<String> SHELLS = List.of("bash", "zsh");

    private final Terminal terminal;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Parameters(index = "0", paramLabel = "SHELL", description = "bash or zsh.")
    private String shell = "";

    CompletionCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        if (!SHELLS.contains(shell)) {
            throw new UsageException("shell: expected " + String.join(" or ", SHELLS) + ", got '" + shell + "'");
        }
        terminal.out().print(AutoComplete.bash("jemma", spec.root().commandLine()));
        return ExitCode.OK;
    }
}
