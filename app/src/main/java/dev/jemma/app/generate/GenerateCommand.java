package dev.jemma.app.generate;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.StatisticsLine;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.flags.LengthFlags;
import dev.jemma.app.flags.LoadedModel;
import dev.jemma.app.flags.ModelFlags;
import dev.jemma.app.flags.SamplingFlags;
import dev.jemma.app.flags.ThreadFlags;
import dev.jemma.engine.GenerationEvent;
import dev.jemma.engine.GenerationRequest;
import dev.jemma.engine.GenerationResult;
import dev.jemma.engine.Generator;
import dev.jemma.engine.SamplingOptions;
import dev.jemma.engine.Scheduler;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.StopConditions;
import dev.jemma.engine.TextModel;
import dev.jemma.engine.TokenIds;
import dev.jemma.engine.UsageException;
import dev.jemma.models.chat.Message;
import dev.jemma.models.chat.Options;
import dev.jemma.models.chat.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jemma generate}: one prompt in, one text out. */
@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Generates the answer to a prompt: text to stdout as it comes, one line of statistics to stderr.",
            "The prompt is put into the model's chat template unless --raw is given."
        },
        footer = {
            "",
            "Examples:",
            "  jemma generate \"Tell me a story about a fox.\"",
            "  jemma generate --seed 7 --max-tokens 100 \"Tell me a story about a bear.\"",
            "  jemma generate --raw --temp 0 \"Once upon a time\"        # plain continuation, always the same",
            "  cat question.txt | jemma generate -m ~/models/gemma-3-1b-it > answer.txt",
            "  jemma generate --input prompts.jsonl --output answers.jsonl --parallel 16 --resume",
            "  jemma generate --json --logprobs 3 -n 5 \"Hello\" | jq .text"
        })
public final class GenerateCommand implements Callable<Integer> {
    /** Room for a batch's prompts, whose lengths are not known beforehand; --ctx-size gives more. */
    private static final int BATCH_PROMPT_TOKENS = 2048;

    /** Prompts of a file that are looked at for a common beginning. */
    private static final int PREFIX_SAMPLE = 16;

    private final Terminal terminal;

    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "PROMPT",
            description = "The prompt, or - to read it from stdin; piped input is read without the -.")
    private @Nullable String positionalPrompt;

    @Option(
            names = {"-p", "--prompt"},
            paramLabel = "TEXT",
            description = "The prompt, instead of as an argument.")
    private @Nullable String promptOption;

    @Option(
            names = {"-sys", "--system"},
            paramLabel = "TEXT",
            description = "Instructions that come before the conversation.")
    private @Nullable String system;

    @Option(names = "--raw", description = "Continue the prompt as it is, without a chat template.")
    private boolean raw;

    @Mixin
    private final ModelFlags modelFlags = new ModelFlags();

    @Mixin
    private final ThreadFlags threadFlags = new ThreadFlags();

    @Mixin
    private final SamplingFlags samplingFlags = new SamplingFlags();

    @Mixin
    private final LengthFlags lengthFlags = new LengthFlags();

    @Mixin
    private final BatchFlags batchFlags = new BatchFlags();

    @Option(names = "--json", description = "Print one JSON object at the end: ids, text, finish reason, timings.")
    private boolean json;

    @Option(
            names = "--logprobs",
            paramLabel = "N",
            description =
                    "With --json: the N likeliest tokens at each step, with the logarithms of their probabilities.")
    private int logprobs;

    @Option(
            names = {"-q", "--quiet"},
            description = "No statistics.")
    private boolean quiet;

    public GenerateCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        if (batchFlags.isBatch()) {
            return batch();
        }
        batchFlags.refuseWithoutInput();
        String prompt = prompt();
        if (raw && system != null) {
            throw new UsageException("system: expected none with --raw, which has no place for it");
        }
        if (logprobs > 0 && !json) {
            throw new UsageException("logprobs: expected --json with it, which is where they are printed");
        }
        try (LoadedModel loaded = LoadedModel.open(modelFlags, threadFlags, terminal)) {
            TextModel model = loaded.model();
            model.notes().forEach(note -> terminal.err().println("jemma: note: " + note));
            TokenIds ids = raw ? model.rawPrompt(prompt) : chatPrompt(model, prompt);
            SamplingOptions sampling = samplingFlags.over(model.generationDefaults());
            StopConditions stop = lengthFlags.conditions(model.stopIds());
            SessionOptions sessionOptions = modelFlags.sessionOptions(
                    loaded.device(),
                    1,
                    lengthFlags.contextFor(ids.size()),
                    model.config().maxPositionEmbeddings());
            try (Session session = loaded.openSession(sessionOptions)) {
                Generator generator = new Generator(new Scheduler(session, model.tokenizer()));
                GenerationRequest request = new GenerationRequest("", ids, sampling, stop, logprobs, !raw);
                GenerationResult result = generator.generate(request, json ? _ -> {} : this::show);
                report(loaded, request, result);
            }
        }
        return ExitCode.OK;
    }

    private int batch() {
        if (positionalPrompt != null || promptOption != null) {
            throw new UsageException("prompt: expected none with --input, got one");
        }
        if (json || logprobs > 0) {
            throw new UsageException(
                    "json, logprobs: expected neither with --input, whose results are JSON objects" + " without them");
        }
        int[] badLines = {0};
        try (BatchInput input = new BatchInput(batchFlags.input(), terminal, system, wrong -> {
                    badLines[0]++;
                    if (batchFlags.strict()) {
                        throw wrong;
                    }
                    terminal.err().println("jemma: " + wrong.getMessage());
                });
                BatchOutput output = BatchOutput.open(batchFlags.output(), batchFlags.resume(), terminal);
                LoadedModel loaded = LoadedModel.open(modelFlags, threadFlags, terminal)) {
            loaded.model().notes().forEach(note -> terminal.err().println("jemma: note: " + note));
            runBatch(loaded, input, output);
        }
        return badLines[0] == 0 ? ExitCode.OK : ExitCode.USAGE;
    }

    private void runBatch(LoadedModel loaded, BatchInput input, BatchOutput output) {
        TextModel model = loaded.model();
        BatchQueue.Defaults defaults = new BatchQueue.Defaults(
                samplingFlags.over(model.generationDefaults()), lengthFlags.conditions(model.stopIds()), raw);
        BatchQueue queue = new BatchQueue(input, model, defaults, batchFlags::isMine, output.finished());
        int parallel = batchFlags.parallel();
        // Whoever writes into a pipe may be waiting for the first answers: no more is read ahead than runs at once.
        boolean piped = batchFlags.input().equals("-");
        TokenIds prefix = queue.commonPrefix(piped ? parallel : Math.max(parallel, PREFIX_SAMPLE));
        SessionOptions options = modelFlags
                .sessionOptions(
                        loaded.device(),
                        parallel + (prefix.size() > 0 ? 1 : 0),
                        lengthFlags.contextFor(BATCH_PROMPT_TOKENS),
                        model.config().maxPositionEmbeddings())
                .batchInvariant();
        try (Session session = loaded.openSession(options)) {
            Scheduler scheduler = new Scheduler(session, model.tokenizer());
            if (prefix.size() > 0 && prefix.size() < options.contextSize()) {
                scheduler.sharePrefix(prefix);
            }
            long total = terminal.errorIsTerminal() ? BatchInput.count(batchFlags.input(), terminal) : -1;
            new BatchRun(queue, output, terminal, total, quiet).run(scheduler, parallel);
        }
    }

    private String prompt() {
        if (positionalPrompt != null && promptOption != null) {
            throw new UsageException("prompt: expected it once, got it as an argument and with --prompt");
        }
        String given = promptOption != null ? promptOption : positionalPrompt;
        if (given == null && terminal.inputIsTerminal()) {
            throw new UsageException("prompt: expected a text, got none; give it as an argument"
                    + " (jemma generate \"Tell me a story.\") or pipe it in");
        }
        String text = given == null || given.equals("-") ? terminal.readAll().stripTrailing() : given;
        if (text.isEmpty() && !raw) {
            throw new UsageException("prompt: expected a text, got an empty one");
        }
        return text;
    }

    private TokenIds chatPrompt(TextModel model, String prompt) {
        List<Message> messages = new ArrayList<>();
        if (system != null) {
            messages.add(new Message(Role.SYSTEM, system));
        }
        messages.add(new Message(Role.USER, prompt));
        return model.chatPrompt(messages, Options.ANSWER);
    }

    private void show(GenerationEvent event) {
        if (event instanceof GenerationEvent.Text more) {
            terminal.out().print(more.text());
        }
    }

    private void report(LoadedModel loaded, GenerationRequest request, GenerationResult result) {
        if (json) {
            terminal.out().println(ResultJson.of(loaded, request, result));
            return;
        }
        terminal.out().print("\n");
        if (!quiet) {
            terminal.err().println(StatisticsLine.of(request, result));
        }
    }
}
