package dev.jemma.app;

import dev.jemma.app.bench.BenchCommand;
import dev.jemma.app.chat.ChatCommand;
import dev.jemma.app.console.OutputException;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.generate.GenerateCommand;
import dev.jemma.app.hub.PullCommand;
import dev.jemma.engine.UsageException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
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
            "'jemma COMMAND --help' or 'jemma help COMMAND' explains a command.",
            "",
            "Files and variables:",
            "",
            "  ~/.config/jemma/config.properties  'threads = 8' for all commands, 'chat.temp = 0.7' for one;",
            "                                     JEMMA_CONFIG names another file, or none if it is empty",
            "  ~/.cache/jemma                     synthetic models and the unpacked tokenizer library",
            "  ~/.cache/huggingface               downloaded models; HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN",
            "  ~/.local/state/jemma/chat_history  what was typed in chats, unless --no-history is given",
            "  XDG_CONFIG_HOME, XDG_CACHE_HOME,   other places for these",
            "  XDG_STATE_HOME",
            "  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  for downloads",
            "  JEMMA_JAVA_HOME, JEMMA_JAVA_OPTS   the JDK to run on, and options for it",
            "  JEMMA_CUDA_PATH                    where to look for CUDA's libraries",
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

    /** All commands and their options. */
    static CommandLine commandLine(Terminal terminal) {
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
                .addSubcommand(new CompletionCommand(terminal))
                .addSubcommand(new CommandLine.HelpCommand())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(false)
                .setUsageHelpWidth(100)
                .setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF));
        layOut(commandLine);
        return commandLine;
    }

    /** Runs one command line; returns the exit status. */
    static int run(Terminal terminal, String... args) {
        FailureReport failures = new FailureReport(terminal);
        StringWriter help = new StringWriter();
        CommandLine commandLine = commandLine(terminal)
                .setParameterExceptionHandler(failures)
                .setExecutionExceptionHandler(failures)
                .setOut(new PrintWriter(help));
        int exitCode;
        try {
            commandLine.setDefaultValueProvider(ConfigFile.read(ConfigFile.place(), commandLine.getCommandSpec()));
            exitCode = commandLine.execute(args);
        } catch (UsageException wrongConfig) {
            exitCode = failures.report(wrongConfig);
        }
        try {
            terminal.out().print(help.toString());
        } catch (OutputException closed) {
            return failures.report(closed);
        }
        return exitCode;
    }

    /**
     * The parts of a manual page, in its order. A description's first line is what lists of commands show, the others
     * are one paragraph. A footer's first line that is not blank is its heading.
     */
    private static void layOut(CommandLine commandLine) {
        UsageMessageSpec usage = commandLine.getCommandSpec().usageMessage();
        usage.descriptionHeading("%n")
                .parameterListHeading("%nArguments:%n")
                .optionListHeading("%nOptions:%n")
                .commandListHeading("%nCommands:%n");
        String[] description = usage.description();
        if (description.length > 2) {
            List<String> rest = Arrays.asList(description).subList(1, description.length);
            usage.description(description[0], String.join(" ", rest));
        }
        String[] footer = usage.footer();
        if (footer.length > 2) {
            usage.footerHeading("%n" + footer[1] + "%n").footer(Arrays.copyOfRange(footer, 2, footer.length));
        }
        commandLine.getSubcommands().values().forEach(Main::layOut);
    }

    /** {@code jemma} alone is a question for help. */
    @Override
    public void run() {
        terminal.out().print(spec.commandLine().getUsageMessage());
    }
}
