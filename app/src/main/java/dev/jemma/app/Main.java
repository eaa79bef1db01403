package dev.jemma.app;

import dev.jemma.app.bench.BenchCommand;
import dev.jemma.app.chat.ChatCommand;
import dev.jemma.app.console.OutputException;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.generate.GenerateCommand;
import dev.jemma.app.hub.PullCommand;
import dev.jemma.engine.TextModel;
import dev.jemma.engine.UsageException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
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

    /** A command and how it is made: reflection on the options of all of them takes 80 ms. */
    private record Subcommand(String name, Function<Terminal, Object> made, boolean runsModel) {}

    private static final List<Subcommand> SUBCOMMANDS = List.of(
            new Subcommand("chat", ChatCommand::new, true),
            new Subcommand("generate", GenerateCommand::new, true),
            new Subcommand("info", InfoCommand::new, false),
            new Subcommand("pull", PullCommand::new, false),
            new Subcommand("models", ModelsCommand::new, false),
            new Subcommand("bench", BenchCommand::new, true),
            new Subcommand("quantize", QuantizeCommand::new, false),
            new Subcommand("perplexity", PerplexityCommand::new, true),
            new Subcommand("synthetic", SyntheticCommand::new, false),
            new Subcommand("doctor", DoctorCommand::new, false));

    public static void main(String[] args) {
        if (SUBCOMMANDS.stream().anyMatch(command -> command.runsModel() && isFirst(command, args))) {
            TextModel.prepare();
        }
        System.exit(run(Terminal.system(), args));
    }

    /** All commands and their options. */
    static CommandLine commandLine(Terminal terminal) {
        CommandLine commandLine = new CommandLine(new Main(terminal));
        SUBCOMMANDS.forEach(command -> commandLine.addSubcommand(command.made().apply(terminal)));
        commandLine.addSubcommand(new CompletionCommand(terminal)).addSubcommand(new CommandLine.HelpCommand());
        return finished(commandLine);
    }

    /** The one command that {@code args} begin with; all of them where it is none or something looks at all. */
    private static CommandLine commandLineFor(Terminal terminal, String... args) {
        for (Subcommand command : SUBCOMMANDS) {
            if (isFirst(command, args)) {
                return finished(new CommandLine(new Main(terminal))
                        .addSubcommand(command.made().apply(terminal)));
            }
        }
        return commandLine(terminal);
    }

    private static boolean isFirst(Subcommand command, String... args) {
        return args.length > 0 && args[0].equals(command.name());
    }

    private static CommandLine finished(CommandLine commandLine) {
        commandLine
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
        Path config = ConfigFile.place();
        boolean configured = config != null && Files.exists(config);
        CommandLine commandLine = (configured ? commandLine(terminal) : commandLineFor(terminal, args))
                .setParameterExceptionHandler(failures)
                .setExecutionExceptionHandler(failures)
                .setOut(new PrintWriter(help));
        int exitCode;
        try {
            commandLine.setDefaultValueProvider(ConfigFile.read(config, commandLine.getCommandSpec()));
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
