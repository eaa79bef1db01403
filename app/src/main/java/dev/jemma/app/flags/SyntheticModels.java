package dev.jemma.app.flags;

import dev.jemma.app.console.ByteCount;
import dev.jemma.app.console.ProgressBar;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import dev.jemma.kernels.UserDirectories;
import dev.jemma.models.synthetic.SyntheticModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;

/** Models with random weights, named {@code synthetic:NAME[:FORMAT]}: written once, kept in the user's cache. */
public final class SyntheticModels {
    /** What such a name begins with. */
    public static final String PREFIX = "synthetic:";

    private static final Map<String, Integer> BITS = Map.of("bf16", 16, "8bit", 8, "4bit", 4);

    private final Terminal terminal;
    private final Path cache;

    /** Those of the user's cache directory. */
    public SyntheticModels(Terminal terminal) {
        this(terminal, UserDirectories.cache().resolve("synthetic"));
    }

    SyntheticModels(Terminal terminal, Path cache) {
        this.terminal = terminal;
        this.cache = cache;
    }

    /**
     * The directory of a model, which is written first if it is not there.
     *
     * @param name with {@link #PREFIX}
     * @throws UsageException if there is no such model, or no room for it
     */
    public Path directory(String name) {
        Shape shape = shape(name);
        Path directory = cache.resolve(shape.name() + "-" + shape.format());
        if (!Files.isDirectory(directory)) {
            make(shape.name(), shape.bits(), directory);
        }
        return directory;
    }

    /** A checkpoint whose matrices are holes, for a device that makes them up. */
    public record Outline(Path directory, int bits) {}

    /**
     * The outline of a model, which is written first if it is not there.
     *
     * @param name with {@link #PREFIX}
     * @throws UsageException if there is no such model
     */
    public Outline outline(String name) {
        Shape shape = shape(name);
        Path directory = cache.resolve("outlines").resolve(shape.name() + "-" + shape.format());
        if (!Files.isDirectory(directory)) {
            make(directory, unfinished -> SyntheticModel.writeOutline(shape.name(), shape.bits(), unfinished));
        }
        return new Outline(directory, shape.bits());
    }

    private record Shape(String name, String format, int bits) {}

    private static Shape shape(String name) {
        String[] parts = name.substring(PREFIX.length()).split(":", -1);
        String format = parts.length > 1 ? parts[1] : "bf16";
        Integer bits = BITS.get(format);
        if (parts.length > 2 || bits == null || !SyntheticModel.names().contains(parts[0])) {
            throw new UsageException("model: expected synthetic:NAME or synthetic:NAME:FORMAT with NAME one of "
                    + String.join(", ", SyntheticModel.names()) + " and FORMAT bf16, 8bit or 4bit, got '" + name + "'");
        }
        return new Shape(parts[0], format, bits);
    }

    private void make(String name, int bits, Path directory) {
        try (ProgressBar bar = new ProgressBar(terminal, name)) {
            make(
                    directory,
                    unfinished -> SyntheticModel.write(name, bits, unfinished, (bytes, total) -> {
                        if (bytes == 0) {
                            new NewDirectory(directory).checkSpace(total);
                            terminal.err()
                                    .println("jemma: writing random weights once, " + ByteCount.text(total) + ", to "
                                            + directory);
                        }
                        bar.show((double) bytes / total, ByteCount.text(bytes));
                    }));
        }
    }

    private static void make(Path directory, Consumer<Path> writer) {
        try {
            new NewDirectory(directory).write(writer);
        } catch (UsageException failure) {
            if (!Files.isDirectory(directory)) {
                throw failure;
            }
            // Another process has made it in the meantime.
        }
    }
}
