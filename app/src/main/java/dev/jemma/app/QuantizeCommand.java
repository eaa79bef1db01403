package dev.jemma.app;

import dev.jemma.app.console.ByteCount;
import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.ProgressBar;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.flags.ModelName;
import dev.jemma.app.flags.NewDirectory;
import dev.jemma.engine.UsageException;
import dev.jemma.models.config.Quantization;
import dev.jemma.models.quantize.QuantizedCheckpoint;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jemma quantize}: a smaller checkpoint. */
@Command(
        name = "quantize",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Writes a checkpoint with 4- or 8-bit weights in MLX's affine format, for Jemma and for MLX.",
            "Norms stay as they are; in mixtures of experts, router and dense branch keep 8 bits. Only the text model",
            "is written, in files of 5 GiB."
        },
        footer = {
            "",
            "Examples:",
            "  jemma quantize ~/models/gemma-3-1b-it --bits 4 --output ~/models/gemma-3-1b-it-4bit",
            "  jemma quantize demo --bits 8 --output /tmp/demo-8bit && jemma perplexity /tmp/demo-8bit story.txt"
        })
final class QuantizeCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(index = "0", paramLabel = "MODEL", description = "As --model elsewhere; demo for the built-in one.")
    private String model = "";

    @Option(names = "--bits", paramLabel = "N", description = "4 or 8; default: 4.")
    private int bits = 4;

    @Option(
            names = {"--group", "--group-size"},
            paramLabel = "N",
            description = "Weights that share a scale and a bias: 32, 64 or 128; default: 64.")
    private int groupSize = 64;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            required = true,
            description = "Directory to write; must not be there yet. It appears when it is complete.")
    private Path output = Path.of("");

    QuantizeCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        if (bits != 4 && bits != 8) {
            throw new UsageException("bits: expected 4 or 8, got " + bits);
        }
        if (!List.of(32, 64, 128).contains(groupSize)) {
            throw new UsageException("group: expected 32, 64 or 128, got " + groupSize);
        }
        Path source = ModelName.directory(model, terminal);
        NewDirectory target = new NewDirectory(output);
        long[] size = {0};
        try (ProgressBar bar = new ProgressBar(terminal, "quantize")) {
            target.write(directory -> QuantizedCheckpoint.write(
                    source, directory, new Quantization.Setting(bits, groupSize), (bytes, total) -> {
                        if (bytes == 0) {
                            target.checkSpace(total);
                        }
                        size[0] = total;
                        bar.show((double) bytes / total, ByteCount.text(bytes));
                    }));
        }
        terminal.err().println("jemma: wrote " + output + ", " + ByteCount.text(size[0]));
        return ExitCode.OK;
    }
}
