package dev.jemma.app.chat;

import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Objects;

/** Files that the user names in a command. */
final class UserFiles {
    /** Larger than any context. */
    static final long MAX_BYTES = 64L << 20;

    private UserFiles() {}

    /** The file that {@code typed} names: {@code ~} is the home directory, quotes around all of it are not part of it. */
    static Path path(String command, String typed) {
        String name = typed.strip();
        if (name.length() >= 2 && name.startsWith("\"") && name.endsWith("\"")) {
            name = name.substring(1, name.length() - 1);
        }
        if (name.isEmpty()) {
            throw new UsageException(command + ": expected a file's name, got none");
        }
        try {
            return Path.of(withHome(name));
        } catch (InvalidPathException e) {
            throw new UsageException(command + ": expected a file's name, got '" + name + "': " + e.getReason(), e);
        }
    }

    /** The name with the home directory for a leading {@code ~}. */
    static String withHome(String name) {
        return name.equals("~") || name.startsWith("~/") ? System.getProperty("user.home") + name.substring(1) : name;
    }

    /** A file's text. */
    static String read(String command, Path file) {
        String where = command + ": " + file;
        try {
            if (Files.isDirectory(file)) {
                throw new UsageException(where + ": expected a file, got a directory");
            }
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new UsageException(where + ": expected a file with a size, got a device or a pipe");
            }
            long size = Files.size(file);
            if (size > MAX_BYTES) {
                throw new UsageException(
                        where + ": expected at most " + (MAX_BYTES >> 20) + " MiB, got " + (size >> 20) + " MiB");
            }
            return Terminal.decode(where, Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UsageException(where + ": " + reason(e), e);
        }
    }

    /** What went wrong, without the file's name, which most messages of the JDK repeat or consist of. */
    static String reason(IOException failure) {
        return switch (failure) {
            case NoSuchFileException _ -> "no such file";
            case AccessDeniedException _ -> "no permission";
            case FileSystemException system -> Objects.requireNonNullElse(system.getReason(), system.toString());
            default -> failure.toString();
        };
    }
}
