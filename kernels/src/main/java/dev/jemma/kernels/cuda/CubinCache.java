package dev.jemma.kernels.cuda;

import dev.jemma.kernels.UserDirectories;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;

/**
 * Compiled kernels on disk, by a hash of everything that they are made from. A cache that cannot be read or written
 * costs time, nothing else.
 */
final class CubinCache {
    private final Path folder;
    private final String compiler;

    private CubinCache(Path folder, String compiler) {
        this.folder = folder;
        this.compiler = compiler;
    }

    /** In {@code cuda} of the user's cache directory. */
    static CubinCache ofUser(String compiler) {
        return new CubinCache(UserDirectories.cache().resolve("cuda"), compiler);
    }

    static CubinCache in(Path folder, String compiler) {
        return new CubinCache(folder, compiler);
    }

    byte[] get(List<String> inputs, Supplier<byte[]> compile) {
        Path file = folder.resolve(hash(inputs) + ".cubin");
        try {
            return Files.readAllBytes(file);
        } catch (IOException absent) {
            byte[] image = compile.get();
            store(file, image);
            return image;
        }
    }

    private void store(Path file, byte[] image) {
        try {
            Files.createDirectories(folder);
            Path part = Files.createTempFile(folder, "cubin", ".part");
            Files.write(part, image);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException unwritable) {
            System.getLogger(CubinCache.class.getName())
                    .log(System.Logger.Level.DEBUG, "compiled kernels are not kept: " + unwritable);
        }
    }

    private String hash(List<String> inputs) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(compiler.getBytes(StandardCharsets.UTF_8));
            for (String input : inputs) {
                digest.update((byte) 0);
                digest.update(input.getBytes(StandardCharsets.UTF_8));
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }
}
