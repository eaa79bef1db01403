package dev.jemma.app.chat;

import dev.jemma.kernels.UserDirectories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Where the lines that the user typed are kept between sessions; nobody else may read them. */
final class HistoryFile {
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rw-------");

    private HistoryFile() {}

    static Path location() {
        return UserDirectories.state().resolve("chat_history");
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
