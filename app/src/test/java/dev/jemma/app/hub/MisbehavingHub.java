package dev.jemma.app.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CopyOnWriteArraySet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A hub of one model on this machine, and beside it the other host that large files are redirected to. */
final class MisbehavingHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    private final HttpServer server = start();
    private final HttpServer storage = start();
    private final Map<String, byte[]> files = new LinkedHashMap<>();

    /** What came, as {@code METHOD path range authorization}. */
    final List<String> requests = new CopyOnWriteArrayList<>();

    /** Ends answers with a file after this many bytes, as often as {@link #drops} says. */
    volatile int dropAfter = 1000;

    /** Then sends nothing instead of ending the connection. */
    volatile boolean stalls;

    final AtomicInteger drops = new AtomicInteger();

    /** Answers with this status instead, as often as {@link #failures} says. */
    volatile int failure = 503;

    final AtomicInteger failures = new AtomicInteger();

    /** Sends all of a file however much was asked for. */
    volatile boolean ignoresRanges;

    /** Changes a byte of a large file, this often. */
    final AtomicInteger corruptions = new AtomicInteger();

    /** Where redirections lead, if not to this machine. */
    volatile @Nullable String storageHost;

    /** Hosts that were asked for. */
    final Set<String> hosts = new CopyOnWriteArraySet<>();

    private final CountDownLatch closing = new CountDownLatch(1);

    /** Answers a range with another one. */
    volatile boolean lies;

    private static HttpServer start() {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
            server.start();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    MisbehavingHub() {
        server.createContext("/api/models/o/m/revision/main", exchange -> {
            note(exchange);
            if (!fails(exchange)) {
                send(exchange, 200, description().getBytes(StandardCharsets.UTF_8));
            }
        });
        server.createContext("/o/m/resolve/" + COMMIT + "/", exchange -> {
            note(exchange);
            String name = name(exchange);
            if (fails(exchange)) {
                return;
            }
            if (name.endsWith(".safetensors")) {
                exchange.getResponseHeaders()
                        .add("Location", "http://" + storageAuthority() + "/stored/" + name + "?signature=x");
                send(exchange, 302, new byte[0]);
            } else {
                sendFile(exchange, name);
            }
        });
        storage.createContext("/stored/", this::sendStored);
        server.createContext("/stored/", this::sendStored);
    }

    private void sendStored(HttpExchange exchange) throws IOException {
        note(exchange);
        sendFile(exchange, name(exchange));
    }

    private static String authority(HttpServer server) {
        return "127.0.0.1:" + server.getAddress().getPort();
    }

    private String storageAuthority() {
        return storageHost == null ? authority(storage) : storageHost;
    }

    private static String name(HttpExchange exchange) {
        String path = exchange.getRequestURI().getPath();
        return path.substring(path.lastIndexOf('/') + 1);
    }

    URI endpoint() {
        return URI.create("http://" + authority(server));
    }

    MisbehavingHub with(String name, byte[] content) {
        files.put(name, content);
        return this;
    }

    private static boolean takeOne(AtomicInteger counter) {
        return counter.getAndUpdate(count -> Math.max(0, count - 1)) > 0;
    }

    private void note(HttpExchange exchange) {
        hosts.add(exchange.getRequestHeaders().getFirst("Host"));
        requests.add(exchange.getRequestURI().getPath()
                + " "
                + exchange.getRequestHeaders().getFirst("Range")
                + " "
                + exchange.getRequestHeaders().getFirst("Authorization"));
    }

    private boolean fails(HttpExchange exchange) throws IOException {
        if (takeOne(failures)) {
            send(exchange, failure, new byte[0]);
            return true;
        }
        return false;
    }

    private void sendFile(HttpExchange exchange, String name) throws IOException {
        byte[] content = files.getOrDefault(name, new byte[0]).clone();
        if (name.endsWith(".safetensors") && takeOne(corruptions)) {
            content[content.length / 2] ^= 1;
        }
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null || ignoresRanges ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
        if (from > 0) {
            int said = lies ? from - 1 : from;
            exchange.getResponseHeaders()
                    .add("Content-Range", "bytes " + said + "-" + (content.length - 1) + "/" + content.length);
        }
        byte[] rest = Arrays.copyOfRange(content, from, content.length);
        if (rest.length > dropAfter && takeOne(drops)) {
            exchange.sendResponseHeaders(from > 0 ? 206 : 200, rest.length);
            // Fewer bytes than announced, then the connection is closed.
            exchange.getResponseBody().write(rest, 0, dropAfter);
            exchange.getResponseBody().flush();
            if (stalls) {
                waitForTheEnd();
            }
            exchange.close();
            return;
        }
        send(exchange, from > 0 ? 206 : 200, rest);
    }

    private void waitForTheEnd() {
        try {
            closing.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private String description() {
        StringBuilder json = new StringBuilder("{\"sha\": \"" + COMMIT + "\", \"siblings\": [");
        String separator = "";
        for (Map.Entry<String, byte[]> file : files.entrySet()) {
            byte[] content = file.getValue();
            json.append(separator)
                    .append("{\"rfilename\": \"%s\", \"size\": %d, \"blobId\": \"%s\""
                            .formatted(file.getKey(), content.length, blobId(content)));
            if (file.getKey().endsWith(".safetensors")) {
                json.append(", \"lfs\": {\"sha256\": \"%s\", \"size\": %d}"
                        .formatted(hash("SHA-256", content), content.length));
            }
            json.append('}');
            separator = ", ";
        }
        return json.append("]}").toString();
    }

    static String blobId(byte[] content) {
        byte[] header = ("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] blob = Arrays.copyOf(header, header.length + content.length);
        System.arraycopy(content, 0, blob, header.length, content.length);
        return hash("SHA-1", blob);
    }

    static String hash(String algorithm, byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        closing.countDown();
        server.stop(0);
        storage.stop(0);
    }
}
