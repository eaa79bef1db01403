package dev.jemma.app.flags;

import dev.jemma.app.console.ByteCount;
import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** A directory that is written under another name beside its place and gets its own when it is complete. */
public final class NewDirectory {
    /** A disk that is full to the last byte serves nobody. */
    private static final long SPARE_BYTES = 1L << 28;

    private final Path directory;

    public NewDirectory(Path directory) {
        this.directory = directory.toAbsolutePath().normalize();
    }

    /**
     * Writes it; what was written goes away if that fails.
     *
     * @param writer writes files, no directories, into the one it is given
     * @throws UsageException if the directory is there already
     */
    public void write(Consumer<Path> writer) {
        if (Files.exists(directory)) {
            throw new UsageException("output: expected a directory that is not there yet, got '" + directory
                    + "'; remove it or name another");
        }
        try {
            Path parent = directory.getParent() == null ? directory : directory.getParent();
            Files.createDirectories(parent);
            Path unfinished = Files.createTempDirectory(parent, directory.getFileName() + ".unfinished-");
            try {
                writer.accept(unfinished);
                move(unfinished);
            } catch (IOException | RuntimeException failure) {
                remove(unfinished);
                throw failure;
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(directory + ": cannot be written: " + failure.getMessage(), failure);
        }
    }

    /**
     * Refuses a disk without room.
     *
     * @throws UsageException if {@code bytes} do not fit
     */
    public void checkSpace(long bytes) {
        long free;
        try {
            free = Files.getFileStore(directory.getParent()).getUsableSpace();
        } catch (IOException unknown) {
            return;
        }
        if (free < bytes + SPARE_BYTES) {
            throw new UsageException(directory + ": expected a disk with " + ByteCount.text(bytes + SPARE_BYTES)
                    + " free, got one with " + ByteCount.text(free) + "; make room or name another place");
        }
    }

    private void move(Path unfinished) throws IOException {
        try {
            Files.move(unfinished, directory, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException noSuchDisk) {
            Files.move(unfinished, directory);
        } catch (FileSystemException failure) {
            if (!(failure instanceof FileAlreadyExistsException) && !Files.exists(directory)) {
                throw failure;
            }
            throw new UsageException(
                    "output: '" + directory + "' was made by another process in the meantime; use it or remove it",
                    failure);
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
