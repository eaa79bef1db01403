package dev.jemma.app.chat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;

/** Where the lines that the user typed are kept between sessions; nobody else may read them. */
final class HistoryFile {
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rw-------");

    private HistoryFile() {}

    /** The file in the user's directory for such things (XDG Base Directory Specification, state). */
    static Path location(Map<String, String> environment) {
        String state = environment.getOrDefault("XDG_STATE_HOME", "");
        String local = environment.getOrDefault("LOCALAPPDATA", "");
        // The specification: a path that is not absolute is to be ignored.
        Path base = Path.of(state).isAbsolute()
                ? Path.of(state)
                : Path.of(local).isAbsolute()
                        ? Path.of(local)
                        : Path.of(System.getProperty("user.home"), ".local", "state");
        return base.resolve("jemma").resolve("chat_history");
    }

    /** Creates the file if need be, and makes it the user's alone. */
    static void prepare(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        boolean posix = Files.getFileStore(file.getParent()).supportsFileAttributeView("posix");
        if (!Files.exists(file)) {
            if (posix) {
                Files.createFile(file, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
            } else {
                Files.createFile(file);
            }
        } else if (posix) {
            Files.setPosixFilePermissions(file, OWNER_ONLY);
        }
        if (!Files.isReadable(file) || !Files.isWritable(file)) {
            throw new IOException("no permission");
        }
    }
}
