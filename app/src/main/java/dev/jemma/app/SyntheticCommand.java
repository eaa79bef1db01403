package dev.jemma.app;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import dev.jemma.models.synthetic.SyntheticModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code jemma synthetic}: writes a checkpoint to measure with. */
@Command(
        name = "synthetic",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Writes a checkpoint with the shapes of a published model and random weights, to measure with.",
            "Names: gemma-2-2b, gemma-3-270m, gemma-3-1b, gemma-4-e2b and others; a wrong one lists them all."
        },
        footer = {
            "",
            "Example:",
            "  jemma synthetic gemma-3-270m --bits 16 --output /tmp/gemma-3-270m",
        })
final class SyntheticCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(index = "0", paramLabel = "NAME", description = "Whose shapes.")
    private String name = "";

    @Option(names = "--bits", paramLabel = "N", description = "16 (bf16), 8 or 4 (MLX affine); default: 16.")
    private int bits = 16;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            required = true,
            description = "Directory to write; must not hold anything yet.")
    private Path output = Path.of("");

    SyntheticCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        if (!SyntheticModel.names().contains(name)) {
            throw new UsageException(
                    "name: expected one of " + String.join(", ", SyntheticModel.names()) + ", got '" + name + "'");
        }
        if (!List.of(16, 8, 4).contains(bits)) {
            throw new UsageException("bits: expected 16, 8 or 4, got " + bits);
        }
        if (Files.exists(output.resolve("config.json"))) {
            throw new UsageException("output: expected a new directory, got '" + output + "', which holds a model");
        }
        SyntheticModel.write(name, bits, output, this::show);
        terminal.err().println("wrote " + output);
        return ExitCode.OK;
    }

    private void show(long bytes, long totalBytes) {
        if (terminal.errorIsTerminal()) {
            terminal.err()
                    .print("\r" + 100 * bytes / Math.max(1, totalBytes) + " %" + (bytes == totalBytes ? "\n" : ""));
        }
    }
}
