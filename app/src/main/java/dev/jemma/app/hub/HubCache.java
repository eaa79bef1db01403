package dev.jemma.app.hub;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Hugging Face's cache: {@code models--OWNER--NAME} with {@code refs/REVISION}, which holds a commit,
 * {@code snapshots/COMMIT}, whose files are links, and {@code blobs}, where their bytes are, named by checksum.
 */
public final class HubCache {
    private static final String PREFIX = "models--";

    private final Path directory;

    /**
     * A model in the cache.
     *
     * @param bytes of its safetensors files
     */
    public record Entry(RepoName name, Path snapshot, long bytes) {}

    public HubCache(Path directory) {
        this.directory = directory;
    }

    Path repository(RepoName name) {
        return directory.resolve(PREFIX + name.owner() + "--" + name.name());
    }

    Path blob(RepoName name, String checksum) {
        return repository(name).resolve("blobs").resolve(checksum);
    }

    Path snapshot(RepoName name, String commit) {
        return repository(name).resolve("snapshots").resolve(commit);
    }

    Path ref(RepoName name) {
        return repository(name).resolve("refs").resolve(name.revision());
    }

    /** The directory of a model's files; empty if it was never downloaded. */
    public Optional<Path> find(RepoName name) {
        try {
            String commit =
                    Files.exists(ref(name)) ? Files.readString(ref(name)).strip() : name.revision();
            Path snapshot = snapshot(name, commit).normalize();
            boolean inside = snapshot.startsWith(repository(name));
            return inside && Files.isDirectory(snapshot) ? Optional.of(snapshot) : Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(ref(name) + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /** Every model with weights that Jemma could read, by name. */
    public List<Entry> entries() {
        List<Entry> entries = new ArrayList<>();
        if (!Files.isDirectory(directory)) {
            return entries;
        }
        try (Stream<Path> repositories = Files.list(directory)) {
            for (Path repository : repositories.sorted().toList()) {
                String[] parts = repository.getFileName().toString().split("--", 3);
                if (parts.length == 3 && (parts[0] + "--").equals(PREFIX)) {
                    String name = parts[1] + "/" + parts[2];
                    if (RepoName.matches(name)) {
                        add(RepoName.parse(name), entries);
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(directory + ": cannot be read: " + e.getMessage(), e);
        }
        return entries;
    }

    private void add(RepoName name, List<Entry> entries) throws IOException {
        Optional<Path> snapshot = find(name);
        if (snapshot.isPresent()) {
            long bytes = weightBytes(snapshot.get());
            if (bytes > 0 && Files.exists(snapshot.get().resolve("config.json"))) {
                entries.add(new Entry(name, snapshot.get(), bytes));
            }
        }
    }

    /** Bytes of a directory's safetensors files. */
    public static long weightBytes(Path model) throws IOException {
        long bytes = 0;
        try (Stream<Path> files = Files.list(model)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".safetensors"))
                    .filter(Files::exists)
                    .toList()) {
                bytes += Files.size(file);
            }
        }
        return bytes;
    }
}
