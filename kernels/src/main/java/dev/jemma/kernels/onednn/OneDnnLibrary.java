package dev.jemma.kernels.onednn;

import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.host.Processor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds oneDNN where it pays: on Linux with a processor that has products of BF16 (AMX tiles, AVX-512 BF16), which Java's
 * vectors cannot reach.
 *
 * <p>The library comes in jars on the class path and is unpacked once, 94 MB, into the user's cache directory. Where
 * anything is missing or does not work, Jemma runs without it.
 */
public final class OneDnnLibrary {
    /** {@code off}: never; {@code on}: an error where it cannot be used; else where it is there and pays. */
    public static final String PROPERTY = "jemma.onednn";

    /** In the order to load them: each needs those before it. */
    private static final List<String> RESOURCES = List.of(
            "org/bytedeco/dnnl/linux-x86_64/libgomp.so.1",
            "org/bytedeco/opencl/linux-x86_64/libOpenCL.so.1",
            "org/bytedeco/dnnl/linux-x86_64/libdnnl.so.3");

    private static final Pattern JAR = Pattern.compile("([^/]+)\\.jar!");

    private OneDnnLibrary() {}

    /**
     * What became of the library in this process.
     *
     * @param reason why there is none, else what it is
     */
    public record Outcome(@Nullable OneDnn library, String reason) {}

    /** Unpacked and loaded at the first call, which may take a second, and once. */
    public static Outcome outcome() {
        return Once.OUTCOME;
    }

    private static final class Once {
        static final Outcome OUTCOME = open();
    }

    private static Outcome open() {
        String lacking = lacking();
        if (lacking != null) {
            return new Outcome(null, lacking);
        }
        return open(cacheDirectory(System.getenv("XDG_CACHE_HOME"), System.getProperty("user.home")));
    }

    /** @param folder where the libraries are or go */
    static Outcome open(Path folder) {
        try {
            OneDnn library = load(unpack(folder));
            return library.hasBf16()
                    ? new Outcome(library, library.description())
                    : new Outcome(null, "this process may not use the processor's products of BF16");
        } catch (IOException | IllegalArgumentException | DeviceException | UnsatisfiedLinkError failure) {
            return new Outcome(null, "oneDNN cannot be loaded: " + failure.getMessage());
        }
    }

    /** What this machine or class path lacks, before anything is unpacked; null if nothing. */
    private static @Nullable String lacking() {
        if (!System.getProperty("os.name").equals("Linux")
                || !System.getProperty("os.arch").equals("amd64")) {
            return "for Linux on x86-64 only";
        }
        if (!Processor.here().has("avx512_bf16")) {
            return "this processor has no products of BF16 (AMX or AVX-512 BF16)";
        }
        for (String resource : RESOURCES) {
            if (resource(resource) == null) {
                return "not on the class path: " + resource;
            }
        }
        return null;
    }

    /** {@code $XDG_CACHE_HOME/jemma/<jar's name>}, as the XDG specification has it: relative values are ignored. */
    private static Path cacheDirectory(@Nullable String xdgCacheHome, String userHome) {
        boolean usable = xdgCacheHome != null && Path.of(xdgCacheHome).isAbsolute();
        Path base = usable ? Path.of(xdgCacheHome) : Path.of(userHome, ".cache");
        Matcher jar = JAR.matcher(String.valueOf(resource(RESOURCES.getLast())));
        return base.resolve("jemma").resolve(jar.find() ? jar.group(1) : "onednn");
    }

    /** Puts the libraries side by side, where they find each other. Files of the right size are kept. */
    static Path unpack(Path folder) throws IOException {
        Files.createDirectories(folder);
        for (String name : RESOURCES) {
            URL resource = resource(name);
            if (resource == null) {
                throw new IOException("not on the class path: " + name);
            }
            Path file = folder.resolve(Path.of(name).getFileName());
            if (!Files.isRegularFile(file)
                    || Files.size(file) != resource.openConnection().getContentLengthLong()) {
                copy(resource, file);
            }
        }
        return folder;
    }

    /** Another process may unpack at the same time: each writes a file of its own and renames it into place. */
    private static void copy(URL resource, Path file) throws IOException {
        Path partial = Files.createTempFile(file.toAbsolutePath().getParent(), file.getFileName() + ".", ".partial");
        try (InputStream in = resource.openStream()) {
            Files.copy(in, partial, StandardCopyOption.REPLACE_EXISTING);
            Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(partial);
        }
    }

    private static OneDnn load(Path folder) {
        List<SymbolLookup> libraries = new ArrayList<>();
        for (String name : RESOURCES) {
            libraries.add(
                    SymbolLookup.libraryLookup(folder.resolve(Path.of(name).getFileName()), Arena.global()));
        }
        return new OneDnn(libraries.getLast(), libraries.getFirst());
    }

    private static @Nullable URL resource(String name) {
        return OneDnnLibrary.class.getClassLoader().getResource(name);
    }
}
