package dev.jemma.app;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.ProgressBar;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.flags.LoadedModel;
import dev.jemma.app.flags.ModelFlags;
import dev.jemma.app.flags.ThreadFlags;
import dev.jemma.engine.Perplexity;
import dev.jemma.engine.TextModel;
import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jemma perplexity}: how well a model predicts a text. */
@Command(
        name = "perplexity",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Measures how well a model predicts a text: exp of the mean loss per token, with its standard error.",
            "Lower is better. The text is read in windows of --ctx-size tokens (default 512) that overlap by half, and",
            "every token counts once. Compare models with the same tokenizer on the same file only."
        },
        footer = {
            "",
            "Examples:",
            "  jemma perplexity ~/models/gemma-3-1b-it article.txt",
            "  jemma perplexity --ctx-size 2048 ~/models/gemma-3-1b-it-4bit article.txt"
        })
final class PerplexityCommand implements Callable<Integer> {
    private static final int DEFAULT_WINDOW = 512;

    private final Terminal terminal;

    @Parameters(
            arity = "1..2",
            paramLabel = "[MODEL] FILE",
            hideParamSyntax = true,
            description = "The model, unless --model names it, and the text: a UTF-8 file, or - for stdin.")
    private List<String> operands = List.of();

    @Mixin
    private final ModelFlags modelFlags = new ModelFlags();

    @Mixin
    private final ThreadFlags threadFlags = new ThreadFlags();

    @Option(names = "--tokens", paramLabel = "N", description = "Only the first N tokens of the text; default: all.")
    private int tokens = Integer.MAX_VALUE;

    PerplexityCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        if (tokens < 1) {
            throw new UsageException("tokens: expected 1 or more, got " + tokens);
        }
        String text = text(operands.getLast());
        try (LoadedModel loaded = operands.size() == 2
                ? LoadedModel.open(operands.getFirst(), modelFlags, threadFlags, terminal)
                : LoadedModel.open(modelFlags, threadFlags, terminal)) {
            TextModel model = loaded.model();
            int[] all = model.tokenizer().encode(text);
            int[] ids = Arrays.copyOf(all, Math.min(tokens, all.length));
            int largest = model.config().maxPositionEmbeddings();
            var options = modelFlags.sessionOptions(loaded.device(), 1, DEFAULT_WINDOW, largest);
            try (Perplexity perplexity = new Perplexity(
                            model.model(),
                            loaded.device(),
                            options.contextSize(),
                            options.kvType(),
                            model.tokenizer().bosId());
                    ProgressBar bar = new ProgressBar(terminal, "perplexity")) {
                Perplexity.Score score = perplexity.score(
                        ids, done -> bar.show((double) done / ids.length, done + " of " + ids.length + " tokens"));
                bar.clear();
                terminal.out()
                        .println(String.format(
                                Locale.ROOT,
                                "perplexity %.3f ± %.3f (loss %.4f nats per token, %d tokens, window %d, %s)",
                                score.perplexity(),
                                score.standardError(),
                                score.meanLoss(),
                                score.tokens(),
                                options.contextSize(),
                                model.model().weightFormat()));
            }
        }
        return ExitCode.OK;
    }

    private String text(String name) {
        if (name.equals("-")) {
            return terminal.readAll();
        }
        try {
            return Terminal.decode(name, Files.readAllBytes(Path.of(name)));
        } catch (IOException e) {
            throw new UsageException(
                    "file: expected a text file that can be read, got '" + name + "'; - reads stdin", e);
        }
    }
}
