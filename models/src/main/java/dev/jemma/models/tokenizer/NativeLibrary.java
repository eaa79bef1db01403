package dev.jemma.models.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.UserDirectories;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * Unpacks and loads the native tokenizers library once per process.
 *
 * <p>DJL's own loader is passed by: it probes for CUDA, on NVIDIA hosts it wants to download another build, and its
 * public tokenizer class asks the cloud's metadata service where it runs. None of that code is reached from here.
 */
final class NativeLibrary {
    private static final String RESOURCES = "native/lib/";
    private static final Outcome OUTCOME = loadOnce();

    private record Outcome(List<String> notes, @Nullable Throwable failure) {}

    private NativeLibrary() {}

    /**
     * Loads the library unless that has happened.
     *
     * @return what the user should know about it, usually nothing
     * @throws DeviceException.Unavailable if there is none for this machine
     */
    static List<String> require() {
        Throwable failure = OUTCOME.failure();
        if (failure != null) {
            throw new DeviceException.Unavailable(
                    "tokenizer library: cannot be loaded on " + platform() + ": " + failure.getMessage()
                            + "; it needs Linux (glibc 2.34 or newer), macOS on Apple silicon or Windows on x86-64",
                    failure);
        }
        return OUTCOME.notes();
    }

    private static Outcome loadOnce() {
        List<String> notes = new ArrayList<>();
        Path cache = place(UserDirectories.cache());
        try {
            loadFrom(cache);
            return new Outcome(List.of(), null);
        } catch (IOException | UnsatisfiedLinkError e) {
            notes.add("tokenizer library: " + cache + " cannot be used (" + e.getMessage()
                    + "); unpacking into a temporary directory at every start");
        }
        try {
            Path temporary = Files.createTempDirectory("jemma-");
            temporary.toFile().deleteOnExit();
            for (Path file : loadFrom(temporary)) {
                file.toFile().deleteOnExit();
            }
            return new Outcome(List.copyOf(notes), null);
        } catch (IOException | UnsatisfiedLinkError e) {
            return new Outcome(List.copyOf(notes), e);
        }
    }

    /** Where in a cache directory the files belong. */
    static Path place(Path cache) {
        return cache.resolve("tokenizers-" + version()).resolve(platform());
    }

    private static List<Path> loadFrom(Path directory) throws IOException {
        List<Path> files = unpack(directory);
        for (Path file : files) {
            System.load(file.toAbsolutePath().toString());
        }
        return files;
    }

    /** Puts the library's files into a directory, in the order to load them; files already there are kept. */
    static List<Path> unpack(Path directory) throws IOException {
        Files.createDirectories(directory);
        List<Path> files = new ArrayList<>();
        for (String name : fileNames()) {
            URL resource = resource(RESOURCES + platform() + "/cpu/" + name);
            if (resource == null) {
                throw new IOException("the tokenizers jar has no " + name + " for this platform");
            }
            Path file = directory.resolve(name);
            if (!Files.isRegularFile(file)
                    || Files.size(file) != resource.openConnection().getContentLengthLong()) {
                copy(resource, file);
            }
            files.add(file);
        }
        return files;
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

    private static List<String> fileNames() {
        String library = System.mapLibraryName("tokenizers");
        return osName().equals("win")
                ? List.of("libwinpthread-1.dll", "libgcc_s_seh-1.dll", "libstdc++-6.dll", library)
                : List.of(library);
    }

    private static String platform() {
        String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        return osName() + "-" + (arch.equals("amd64") ? "x86_64" : arch);
    }

    private static String osName() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        if (os.startsWith("windows")) {
            return "win";
        }
        return os.startsWith("mac") ? "osx" : os;
    }

    private static String version() {
        Properties properties = new Properties();
        URL resource = resource(RESOURCES + "tokenizers.properties");
        if (resource != null) {
            try (InputStream in = resource.openStream()) {
                properties.load(in);
            } catch (IOException e) {
                throw new IllegalStateException("tokenizers.properties: unreadable in the tokenizers jar", e);
            }
        }
        return properties.getProperty("version", "unknown");
    }

    private static @Nullable URL resource(String name) {
        return TokenizersLibrary.class.getClassLoader().getResource(name);
    }
}
