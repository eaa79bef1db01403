package dev.jemma.app;

import dev.jemma.app.bench.BenchCommand;
import dev.jemma.app.chat.ChatCommand;
import dev.jemma.app.console.OutputException;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.generate.GenerateCommand;
import dev.jemma.app.hub.PullCommand;
import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The {@code jemma} command. */
@Command(
        name = "jemma",
        versionProvider = Version.class,
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Generates text with Gemma models.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Examples:",
            "  jemma chat",
            "  jemma generate \"Tell me a story about a fox.\"",
            "  jemma generate --model ~/models/gemma-3-1b-it \"Why is the sky blue?\"",
            "  jemma info ~/models/gemma-3-1b-it",
            "  jemma doctor",
            "",
            "Without --model Jemma uses its built-in demo model, a small teller of stories.",
            "'jemma COMMAND --help' explains a command.",
            "",
            "Exit status: 0 done, 1 Jemma or the machine failed, 2 the request cannot be met, 130 interrupted."
        })
final class Main implements Runnable {
    private final Terminal terminal;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    private Main(Terminal terminal) {
        this.terminal = terminal;
    }

    public static void main(String[] args) {
        System.exit(run(Terminal.system(), args));
    }

    /** Runs one command line; returns the exit status. */
    static int run(Terminal terminal, String... args) {
        FailureReport failures = new FailureReport(terminal);
        CommandLine commandLine = new CommandLine(new Main(terminal))
                .addSubcommand(new ChatCommand(terminal))
                .addSubcommand(new GenerateCommand(terminal))
                .addSubcommand(new InfoCommand(terminal))
                .addSubcommand(new PullCommand(terminal))
                .addSubcommand(new ModelsCommand(terminal))
                .addSubcommand(new BenchCommand(terminal))
                .addSubcommand(new QuantizeCommand(terminal))
                .addSubcommand(new PerplexityCommand(terminal))
                .addSubcommand(new SyntheticCommand(terminal))
                .addSubcommand(new DoctorCommand(terminal))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(false)
                .setUsageHelpWidth(100)
                .setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF))
                .setParameterExceptionHandler(failures)
                .setExecutionExceptionHandler(failures);
        StringWriter help = new StringWriter();
        commandLine.setOut(new PrintWriter(help));
        int exitCode = commandLine.execute(args);
        try {
            terminal.out().print(help.toString());
        } catch (OutputException closed) {
            return failures.report(closed);
        }
        return exitCode;
    }

    /** {@code jemma} alone is a question for help. */
    @Override
    public void run() {
        terminal.out().print(spec.commandLine().getUsageMessage());
    }
}
