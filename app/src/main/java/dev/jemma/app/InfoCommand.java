package dev.jemma.app;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.flags.ModelName;
import dev.jemma.engine.TextModel;
import dev.jemma.engine.UsageException;
import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jemma info}: what a checkpoint is. */
@Command(
        name = "info",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Shows what a checkpoint is: architecture, sizes, cache memory, tokenizer, chat template.",
        footer = {
            "",
            "Examples:",
            "  jemma info                                  # the built-in demo model",
            "  jemma info synthetic:gemma-3-270m:4bit",
            "  jemma info --ctx-size 32768 ~/models/gemma-3-4b-it",
            "  jemma info --json ~/models/gemma-3-4b-it | jq .parameters"
        })
final class InfoCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "MODEL",
            description = "As --model elsewhere: a directory or a name; default: the built-in demo model.")
    private @Nullable String positionalModel;

    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description = "The same, instead of as an argument.")
    private @Nullable String modelOption;

    @Option(
            names = {"-c", "--ctx-size"},
            paramLabel = "N",
            description = "Context size to give the cache's memory for; default: 8192, or the model's if smaller.")
    private @Nullable Integer contextSize;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    InfoCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        if (contextSize != null && contextSize <= 0) {
            throw new UsageException("ctx-size: expected 1 or more, got " + contextSize);
        }
        Path directory = ModelName.directory(positionalModel != null ? positionalModel : modelOption, terminal);
        // Nothing is computed: the reference backend reads mapped weights where they are.
        try (Device device = Backends.open("reference", DeviceOptions.DEFAULT).device();
                TextModel model = TextModel.open(directory, device)) {
            ModelReport report = new ModelReport(model, contextSize);
            terminal.out().print(json ? report.json() + "\n" : report.text());
        }
        return ExitCode.OK;
    }
}
