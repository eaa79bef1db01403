package dev.jemma.app.hub;

import dev.jemma.app.console.ByteCount;
import dev.jemma.app.console.ProgressBar;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Downloads a model into the cache. */
final class Pull {
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    /** A disk that is full to the last byte serves nobody. */
    private static final long SPARE_BYTES = 1L << 28;

    private final HubSettings settings;
    private final HubCache cache;
    private final Terminal terminal;
    private final EnvironmentProxies proxies;
    private final Download.Patience patience;

    Pull(HubSettings settings, EnvironmentProxies proxies, Terminal terminal, Download.Patience patience) {
        this.settings = settings;
        this.proxies = proxies;
        this.cache = new HubCache(settings.cache());
        this.terminal = terminal;
        this.patience = patience;
    }

    /**
     * Fetches what is missing.
     *
     * @return the directory of the model's files
     * @throws UsageException if the server refuses, or there is no room
     * @throws UncheckedIOException if network, server or disk fail
     */
    Path run(RepoName repo) {
        try (HubClient client = new HubClient(settings, proxies)) {
            JsonNode model = describe(client, repo);
            String commit = model.path("sha").asString("");
            if (!COMMIT.matcher(commit).matches()) {
                throw new IOException("expected a commit from the server, got '" + commit + "'");
            }
            fetch(client, repo, commit, RemoteFile.needed(repo, model));
            Path snapshot = cache.snapshot(repo, commit);
            if (!repo.revision().equals(commit)) {
                Path ref = cache.ref(repo);
                Files.createDirectories(ref.getParent());
                Path written = Files.createTempFile(ref.getParent(), "ref", null);
                Files.writeString(written, commit);
                Files.move(written, ref, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            }
            return snapshot;
        } catch (IOException failure) {
            throw new UncheckedIOException("pull: " + repo + ": " + reason(failure), failure);
        }
    }

    private JsonNode describe(HubClient client, RepoName repo) throws IOException {
        for (int attempt = 1; ; attempt++) {
            try {
                return client.describe(repo);
            } catch (HubClient.BusyException busy) {
                if (attempt == Download.ATTEMPTS) {
                    throw busy;
                }
                patience.pauseAfter(attempt);
            }
        }
    }

    private void fetch(HubClient client, RepoName repo, String commit, List<RemoteFile> files) throws IOException {
        long total = files.stream().mapToLong(RemoteFile::bytes).sum();
        long done = 0;
        for (RemoteFile file : files) {
            done += download(client, repo, commit, file).present();
        }
        checkSpace(total - done);
        terminal.err()
                .println("jemma: " + repo + ": " + files.size() + " files, " + ByteCount.text(total)
                        + (done == 0 ? "" : ", of which " + ByteCount.text(done) + " are there"));
        long present = done;
        try (ProgressBar bar = new ProgressBar(terminal, "pull", (double) present / Math.max(1, total))) {
            long before = 0;
            long start = System.nanoTime();
            for (RemoteFile file : files) {
                long base = before;
                download(client, repo, commit, file).run(bytes -> {
                    double rate = Math.max(0, base + bytes - present) / ((System.nanoTime() - start) / 1e9 + 1e-3);
                    bar.show((double) (base + bytes) / total, ByteCount.text((long) rate) + "/s, " + file.name());
                });
                link(repo, commit, file);
                before += file.bytes();
            }
        }
    }

    private Download download(HubClient client, RepoName repo, String commit, RemoteFile file) {
        return new Download(client, repo, commit, file, cache.blob(repo, file.checksum()), patience);
    }

    private void link(RepoName repo, String commit, RemoteFile file) throws IOException {
        Path snapshot = Files.createDirectories(cache.snapshot(repo, commit));
        Path link = snapshot.resolve(file.name());
        Path target = snapshot.relativize(cache.blob(repo, file.checksum()));
        try {
            Files.createSymbolicLink(link, target);
        } catch (FileAlreadyExistsException present) {
            if (!Files.isSymbolicLink(link) || Files.readSymbolicLink(link).equals(target)) {
                return;
            }
            Files.delete(link);
            Files.createSymbolicLink(link, target);
        } catch (UnsupportedOperationException noLinks) {
            Files.copy(cache.blob(repo, file.checksum()), link, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private void checkSpace(long bytes) throws IOException {
        Files.createDirectories(settings.cache());
        long free = Files.getFileStore(settings.cache()).getUsableSpace();
        if (bytes > 0 && free < bytes + SPARE_BYTES) {
            throw new UsageException("pull: expected " + ByteCount.text(bytes + SPARE_BYTES) + " free in "
                    + settings.cache() + ", got " + ByteCount.text(free)
                    + "; make room, or name a directory on another disk with HF_HOME");
        }
    }

    /** Java's messages for the most common failures say nothing, or are missing. */
    private String reason(IOException failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof UnknownHostException
                    || cause instanceof UnresolvedAddressException
                    || cause instanceof ConnectException
                    || cause instanceof HttpConnectTimeoutException) {
                return "no connection to " + settings.endpoint() + proxies.through(settings.endpoint())
                        + "; check the network, HTTPS_PROXY and HF_ENDPOINT;"
                        + " what is there is kept, the same command goes on";
            }
        }
        @Nullable String message = failure.getMessage();
        return (message == null ? failure.getClass().getSimpleName() : message)
                + "; what is there is kept, the same command goes on";
    }
}
