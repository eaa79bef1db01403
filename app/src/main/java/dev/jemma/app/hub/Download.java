package dev.jemma.app.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.function.LongConsumer;

/**
 * Fetches one file into the cache: into {@code CHECKSUM.incomplete}, from where an earlier attempt ended, and under its
 * own name only when its checksum is right.
 */
final class Download {
    /** How often to try before giving up. */
    static final int ATTEMPTS = 6;

    private static final int PARTIAL = 206;
    private static final int BEYOND_THE_END = 416;
    private static final int BUFFER = 1 << 18;

    private final HubClient client;
    private final RepoName repo;
    private final String commit;
    private final RemoteFile file;
    private final Path blob;
    private final Path unfinished;
    private final Patience patience;

    /**
     * How long to wait.
     *
     * @param firstPauseMillis before the second attempt; doubled for each one after it
     * @param stall for a server that has stopped sending
     */
    record Patience(long firstPauseMillis, Duration stall) {
        static final Patience OF_USERS = new Patience(500, Duration.ofSeconds(60));

        void pauseAfter(int attempt) throws IOException {
            try {
                Thread.sleep(firstPauseMillis << (attempt - 1));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }
    }

    Download(HubClient client, RepoName repo, String commit, RemoteFile file, Path blob, Patience patience) {
        this.client = client;
        this.repo = repo;
        this.commit = commit;
        this.file = file;
        this.blob = blob;
        this.unfinished = blob.resolveSibling(blob.getFileName() + ".incomplete");
        this.patience = patience;
    }

    /** Bytes that need not come again. */
    long present() throws IOException {
        if (Files.exists(blob)) {
            return file.bytes();
        }
        return Files.exists(unfinished) ? Math.min(Files.size(unfinished), file.bytes()) : 0;
    }

    /**
     * Fetches it, unless it is there.
     *
     * @param progress hears how many of its bytes are there
     * @throws IOException if it does not work after some attempts
     */
    void run(LongConsumer progress) throws IOException {
        if (Files.exists(blob)) {
            progress.accept(file.bytes());
            return;
        }
        Files.createDirectories(blob.getParent());
        try (FileChannel channel = FileChannel.open(
                unfinished, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            lock(channel);
            fetch(channel, progress);
        }
        Files.move(unfinished, blob, StandardCopyOption.ATOMIC_MOVE);
    }

    private void lock(FileChannel channel) throws IOException {
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            throw new IOException(file.name() + " is being downloaded by another process; wait for it");
        }
    }

    private void fetch(FileChannel channel, LongConsumer progress) throws IOException {
        IOException last = new IOException(file.name() + ": nothing came");
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            if (attempt > 0) {
                patience.pauseAfter(attempt);
            }
            try {
                if (channel.size() > file.bytes()) {
                    channel.truncate(0);
                }
                if (channel.size() < file.bytes()) {
                    append(channel, progress);
                }
                if (channel.size() == file.bytes() && checksum(channel).equals(file.checksum())) {
                    return;
                }
                last = new IOException(file.name() + ": expected " + file.bytes() + " bytes with checksum "
                        + file.checksum() + ", got " + channel.size() + " others");
                if (channel.size() >= file.bytes()) {
                    channel.truncate(0);
                }
            } catch (IOException failure) {
                last = failure;
            }
        }
        throw last;
    }

    /** Adds what the server sends to what is there, and no more than the file has. */
    private void append(FileChannel channel, LongConsumer progress) throws IOException {
        long offset = channel.size();
        HttpResponse<InputStream> response = client.open(repo, commit, file.name(), offset);
        try (InputStream body = new StallGuard(response.body(), patience.stall())) {
            if (response.statusCode() == BEYOND_THE_END
                    || (response.statusCode() == PARTIAL && !startsAt(response, offset))) {
                channel.truncate(0);
                throw new IOException(file.name() + ": the server did not go on where the download had ended");
            }
            long at = response.statusCode() == PARTIAL ? offset : 0;
            channel.truncate(at);
            channel.position(at);
            byte[] buffer = new byte[BUFFER];
            for (int n = body.read(buffer); n >= 0 && at < file.bytes(); n = body.read(buffer)) {
                ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, (int) Math.min(n, file.bytes() - at));
                at += bytes.remaining();
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                progress.accept(at);
            }
        }
    }

    private static boolean startsAt(HttpResponse<InputStream> response, long offset) {
        return response.headers().firstValue("content-range").orElse("").startsWith("bytes " + offset + "-");
    }

    private String checksum(FileChannel channel) throws IOException {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance(file.isLarge() ? "SHA-256" : "SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
        if (!file.isLarge()) {
            digest.update(("blob " + file.bytes() + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
        channel.position(0);
        while (channel.read(buffer) >= 0) {
            digest.update(buffer.flip());
            buffer.clear();
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
