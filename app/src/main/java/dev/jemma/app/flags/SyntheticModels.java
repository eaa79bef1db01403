package dev.jemma.app.flags;

import dev.jemma.app.console.ByteCount;
import dev.jemma.app.console.ProgressBar;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.console.UserDirectories;
import dev.jemma.engine.UsageException;
import dev.jemma.models.synthetic.SyntheticModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Models with random weights, named {@code synthetic:NAME[:FORMAT]}: written once, kept in the user's cache. */
public final class SyntheticModels {
    /** What such a name begins with. */
    public static final String PREFIX = "synthetic:";

    private static final Map<String, Integer> BITS = Map.of("bf16", 16, "8bit", 8, "4bit", 4);

    /** A disk that is full to the last byte serves nobody. */
    private static final long SPARE_BYTES = 1L << 28;

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
        String[] parts = name.substring(PREFIX.length()).split(":", -1);
        String format = parts.length > 1 ? parts[1] : "bf16";
        Integer bits = BITS.get(format);
        if (parts.length > 2 || bits == null || !SyntheticModel.names().contains(parts[0])) {
            throw new UsageException("model: expected synthetic:NAME or synthetic:NAME:FORMAT with NAME one of "
                    + String.join(", ", SyntheticModel.names()) + " and FORMAT bf16, 8bit or 4bit, got '" + name + "'");
        }
        Path directory = cache.resolve(parts[0] + "-" + format);
        if (!Files.isDirectory(directory)) {
            make(parts[0], bits, directory);
        }
        return directory;
    }

    private void make(String name, int bits, Path directory) {
        try {
            Files.createDirectories(cache);
            Path unfinished = Files.createTempDirectory(cache, directory.getFileName() + ".unfinished-");
            try {
                write(name, bits, unfinished, directory);
                Files.move(unfinished, directory, StandardCopyOption.ATOMIC_MOVE);
            } catch (FileAlreadyExistsException | java.nio.file.DirectoryNotEmptyException madeByAnother) {
                remove(unfinished);
            } catch (IOException | RuntimeException failure) {
                remove(unfinished);
                throw failure;
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(
                    directory + ": cannot be written: " + failure.getMessage()
                            + "; set XDG_CACHE_HOME to a directory with room",
                    failure);
        }
    }

    private void write(String name, int bits, Path unfinished, Path directory) {
        try (ProgressBar bar = new ProgressBar(terminal, name)) {
            SyntheticModel.write(name, bits, unfinished, (bytes, total) -> {
                if (bytes == 0) {
                    checkSpace(directory, total);
                    terminal.err()
                            .println("jemma: writing random weights once, " + ByteCount.text(total) + ", to "
                                    + directory);
                }
                bar.show((double) bytes / total, ByteCount.text(bytes));
            });
        }
    }

    private void checkSpace(Path directory, long bytes) {
        long free;
        try {
            free = Files.getFileStore(cache).getUsableSpace();
        } catch (IOException unknown) {
            return;
        }
        if (free < bytes + SPARE_BYTES) {
            throw new UsageException(directory + ": expected room for " + ByteCount.text(bytes) + ", got "
                    + ByteCount.text(free) + " on that disk; set XDG_CACHE_HOME to a directory with more");
        }
    }

    private static void remove(Path directory) throws IOException {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> entries = Files.list(directory)) {
            entries.forEach(files::add);
        }
        for (Path file : files) {
            Files.delete(file);
        }
        Files.delete(directory);
    }
}
