package dev.jemma.app.chat;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.flags.LoadedModel;
import dev.jemma.app.flags.ModelFlags;
import dev.jemma.app.flags.SamplingFlags;
import dev.jemma.app.flags.ThreadFlags;
import dev.jemma.engine.Conversation;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.StopConditions;
import dev.jemma.engine.TextModel;
import dev.jemma.engine.UsageException;
import dev.jemma.models.chat.ChatTemplate;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jemma chat}: a conversation. */
@Command(
        name = "chat",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Talks with a model. /help in the session lists its commands; Ctrl-C stops an answer, Ctrl-D leaves.",
            "Piped input is one message a line; stdout then gets the answers and nothing else."
        },
        footer = {
            "",
            "Examples:",
            "  jemma chat",
            "  jemma chat -m ~/models/gemma-3-1b-it --system \"Answer in one sentence.\"",
            "  jemma chat -m ~/models/gemma-4-E2B-it --thinking",
            "  printf 'Tell me a story.\\nWhat happened next?\\n' | jemma chat --seed 7 > story.txt"
        })
public final class ChatCommand implements Callable<Integer> {
    /** Positions that a conversation gets memory for unless the user says; fewer if the model has fewer. */
    private static final int DEFAULT_CONTEXT = 8192;

    /**
     * Enough for most answers: /regen, /undo and answers whose thoughts are stripped then go back within the cache. For
     * Gemma 3 1B it costs 22 MiB (22 sliding layers, one head of 256 f16 keys and values).
     */
    private static final int REWIND = 1024;

    private final Terminal terminal;

    @Option(
            names = {"-sys", "--system"},
            paramLabel = "TEXT",
            description = "Instructions that come before the conversation.")
    private @Nullable String system;

    @Option(
            names = "--thinking",
            description = "Let the model reason before it answers (Gemma 4); its thoughts are shown dimmed.")
    private boolean thinking;

    @Option(names = "--hide-thoughts", description = "Let it reason, and do not show what.")
    private boolean hideThoughts;

    @Mixin
    private final ModelFlags modelFlags = new ModelFlags();

    @Mixin
    private final ThreadFlags threadFlags = new ThreadFlags();

    @Mixin
    private final SamplingFlags samplingFlags = new SamplingFlags();

    @Option(
            names = {"-n", "--max-tokens", "--n-predict"},
            paramLabel = "N",
            description = "Most tokens of an answer; default: -1, until the model stops or the context is full.")
    private int maxTokens = -1;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "End an answer before this text comes up; may be given several times.")
    private List<String> stopStrings = new ArrayList<>();

    @Option(
            names = "--when-full",
            paramLabel = "WHAT",
            description = "When the context is full: ask, drop the oldest turns, or stop; default: ask (a pipe: stop).")
    private WhenFull whenFull = WhenFull.ASK;

    @Option(
            names = "--color",
            paramLabel = "WHEN",
            description = "auto, on or off; default: auto, on terminals unless NO_COLOR is set.")
    private String color = "auto";

    @Option(names = "--no-history", description = "Keep nothing of what is typed for the next session.")
    private boolean noHistory;

    @Option(
            names = {"-v", "--verbose"},
            description = "A line of statistics after each answer.")
    private boolean verbose;

    public ChatCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        Screen screen = new Screen(terminal, hasColor(System.getenv()));
        boolean interactive = terminal.inputIsTerminal() && (terminal.outputIsTerminal() || terminal.errorIsTerminal());
        if (interactive) {
            screen.passing("loading the model ...");
        }
        try (LoadedModel loaded = LoadedModel.open(modelFlags, threadFlags, terminal)) {
            TextModel model = loaded.model();
            Settings settings = settings(model);
            SessionOptions options = modelFlags
                    .sessionOptions(
                            loaded.device(), 1, DEFAULT_CONTEXT, model.config().maxPositionEmbeddings())
                    .withRewind(REWIND);
            try (Session session = loaded.openSession(options)) {
                Conversation conversation = new Conversation(model, session);
                conversation.setSystem(system);
                if (interactive) {
                    screen.eraseLine();
                    greet(screen, loaded, options);
                }
                model.notes().forEach(note -> terminal.err().println("jemma: note: " + note));
                boolean allDone;
                try (ChatInput input = interactive
                        ? TerminalInput.open(screen, history(screen), conversation::cancel)
                        : new PipedInput(terminal.in())) {
                    allDone = new Chat(conversation, settings, input, screen, whenFull, name(model)).run();
                }
                return allDone || interactive ? ExitCode.OK : ExitCode.USAGE;
            }
        }
    }

    private static String name(TextModel model) {
        return model.config().name();
    }

    private static void greet(Screen screen, LoadedModel loaded, SessionOptions options) {
        screen.title(
                "Jemma",
                " with " + name(loaded.model()) + " on " + loaded.device().backend() + ", context of "
                        + options.contextSize() + " tokens");
        screen.note("/help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves");
    }

    private static ChatTemplate template(TextModel model) {
        return model.chat()
                .orElseThrow(() -> new UsageException(model.model().directory()
                        + ": expected a chat template, found none: a base model, which only continues text; use"
                        + " jemma generate --raw"));
    }

    private Settings settings(TextModel model) {
        Settings settings = new Settings(
                samplingFlags.over(model.generationDefaults()),
                new StopConditions(Settings.limit(maxTokens), model.stopIds(), stopStrings),
                template(model).canThink());
        if (hideThoughts) {
            settings.think(Thinking.HIDDEN);
        } else if (thinking) {
            settings.think(Thinking.ON);
        }
        settings.showStats(verbose);
        return settings;
    }

    private boolean hasColor(Map<String, String> environment) {
        return switch (color) {
            case "on" -> true;
            case "off" -> false;
            case "auto" ->
                terminal.outputIsTerminal()
                        && environment.getOrDefault("NO_COLOR", "").isEmpty()
                        && !environment.getOrDefault("TERM", "dumb").equals("dumb");
            default -> throw new UsageException("color: expected auto, on or off, got '" + color + "'");
        };
    }

    private @Nullable Path history(Screen screen) {
        if (noHistory) {
            return null;
        }
        Path file = HistoryFile.location();
        try {
            HistoryFile.prepare(file);
            return file;
        } catch (IOException e) {
            screen.note("[no history is kept: " + file + ": " + UserFiles.reason(e) + "]");
            return null;
        }
    }
}
