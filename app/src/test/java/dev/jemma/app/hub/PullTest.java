package dev.jemma.app.hub;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.app.console.Output;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PullTest {
    private static final RepoName REPO = RepoName.parse("o/m");
    private static final String WEIGHTS = "model.safetensors";

    private final byte[] weights = new byte[5000];
    private final byte[] config = "{}\n".getBytes(UTF_8);

    private MisbehavingHub hub = new MisbehavingHub();

    private final Map<String, String> environment = new HashMap<>();

    @TempDir
    private Path cache;

    @BeforeEach
    void fill() {
        new Random(1).nextBytes(weights);
        hub.with("config.json", config).with("README.md", new byte[9]).with(WEIGHTS, weights);
        hub.with("pytorch_model.bin", new byte[7]).with("../evil.json", new byte[3]);
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    private Pull pull(URI endpoint, @Nullable String token) {
        Output nowhere = new Output("nowhere", new ByteArrayOutputStream());
        Terminal terminal = new Terminal(InputStream.nullInputStream(), nowhere, nowhere, false, false);
        Download.Patience patience = new Download.Patience(1, Duration.ofMillis(500));
        return new Pull(
                new HubSettings(endpoint, cache, token), new EnvironmentProxies(environment), terminal, patience);
    }

    private Path run() {
        return pull(hub.endpoint(), null).run(REPO);
    }

    private long requestsFor(String file) {
        return hub.requests.stream().filter(request -> request.contains(file)).count();
    }

    private void assertComplete(Path snapshot) throws IOException {
        assertThat(snapshot).isEqualTo(cache.resolve("models--o--m/snapshots/" + MisbehavingHub.COMMIT));
        assertThat(snapshot.resolve(WEIGHTS)).hasBinaryContent(weights).isSymbolicLink();
        assertThat(snapshot.resolve("config.json")).hasBinaryContent(config);
        assertThat(cache.resolve("models--o--m/refs/main")).hasContent(MisbehavingHub.COMMIT);
        try (Stream<Path> blobs = Files.list(cache.resolve("models--o--m/blobs"))) {
            assertThat(blobs.map(blob -> blob.getFileName().toString()))
                    .containsExactlyInAnyOrder(MisbehavingHub.hash("SHA-256", weights), MisbehavingHub.blobId(config));
        }
    }

    @Test
    void fetchesWhatIsNeededIntoTheLayoutOfTheCache() throws IOException {
        assertComplete(run());
        assertThat(hub.requests).noneMatch(request -> request.contains("README") || request.contains("evil"));
        assertThat(new HubCache(cache).find(REPO))
                .contains(cache.resolve("models--o--m/snapshots/" + MisbehavingHub.COMMIT));
        assertThat(new HubCache(cache).entries()).singleElement().satisfies(entry -> {
            assertThat(entry.name()).hasToString("o/m");
            assertThat(entry.bytes()).isEqualTo(5000);
        });
        int before = hub.requests.size();
        assertComplete(run());
        assertThat(hub.requests).as("only the description again").hasSize(before + 1);
    }

    @Test
    void theTokenStaysWithTheHub() {
        pull(hub.endpoint(), "secret").run(REPO);
        assertThat(hub.requests)
                .filteredOn(request -> request.startsWith("/stored/"))
                .isNotEmpty()
                .allMatch(request -> request.endsWith(" null"));
        assertThat(hub.requests)
                .filteredOn(request -> !request.startsWith("/stored/"))
                .allMatch(request -> request.endsWith(" Bearer secret"));
    }

    @Test
    void droppedConnectionsAreTakenUpWhereTheyEnded() throws IOException {
        hub.drops.set(3);
        assertComplete(run());
        assertThat(hub.requests)
                .anyMatch(request -> request.startsWith("/stored/model.safetensors bytes=1000-"))
                .anyMatch(request -> request.startsWith("/stored/model.safetensors bytes=3000-"));
    }

    @Test
    void aLaterRunGoesOnAndOnlyThenTheModelIsThere() throws IOException {
        hub.drops.set(100);
        hub.dropAfter = 10;
        assertThatThrownBy(this::run)
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("the same command goes on");
        assertThat(new HubCache(cache).find(REPO)).isEmpty();
        hub.drops.set(0);
        hub.requests.clear();
        assertComplete(run());
        assertThat(hub.requests).anyMatch(request -> request.startsWith("/stored/model.safetensors bytes=60-"));
    }

    @Test
    void serversThatIgnoreOrMistakeRangesAreStartedOver() throws IOException {
        hub.drops.set(1);
        hub.ignoresRanges = true;
        assertComplete(run());
    }

    @Test
    void aRangeThatWasNotAskedForIsNotAppended() throws IOException {
        hub.drops.set(1);
        hub.lies = true;
        assertComplete(run());
        assertThat(requestsFor("/stored/")).isEqualTo(3);
    }

    @Test
    void wrongBytesAreFetchedAgain() throws IOException {
        hub.corruptions.set(2);
        assertComplete(run());
        assertThat(requestsFor("/stored/")).isEqualTo(3);
        hub.corruptions.set(100);
        Files.delete(cache.resolve("models--o--m/blobs").resolve(MisbehavingHub.hash("SHA-256", weights)));
        assertThatThrownBy(this::run).hasMessageContaining("model.safetensors: expected 5000 bytes with checksum");
    }

    @Test
    void anIncompleteFileThatIsTooLongIsStartedOver() throws IOException {
        Path blobs = Files.createDirectories(cache.resolve("models--o--m/blobs"));
        Files.write(blobs.resolve(MisbehavingHub.hash("SHA-256", weights) + ".incomplete"), new byte[6000]);
        assertComplete(run());
    }

    @ParameterizedTest
    @ValueSource(ints = {500, 503, 429})
    void aBusyServerIsAskedAgain(int status) throws IOException {
        hub.failure = status;
        hub.failures.set(3);
        assertComplete(run());
        hub.failures.set(100);
        assertThatThrownBy(this::run)
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("the server failed with status " + status);
    }

    @ParameterizedTest
    @CsvSource({
        "401, the server asks who you are (401); accept the model's terms at",
        "403, the server does not let you in (403); ask for access at",
        "404, not on 127.0.0.1 (404); check owner",
        "418, 'expected the file, got status 418'",
    })
    void refusalsSayWhatToDo(int status, String words) {
        hub.failure = status;
        hub.failures.set(1);
        assertThatThrownBy(this::run).isInstanceOf(UsageException.class).hasMessageContaining(words);
    }

    @Test
    void noNetworkIsSaidInWords() {
        URI endpoint = hub.endpoint();
        hub.close();
        assertThatThrownBy(() -> pull(endpoint, null).run(REPO))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageStartingWith(
                        "pull: o/m: no connection to " + endpoint + "; check the network, HTTPS_PROXY and HF_ENDPOINT");
    }

    @Test
    void aServerThatStopsSendingIsLeftAndAskedAgain() throws IOException {
        hub.drops.set(2);
        hub.stalls = true;
        assertComplete(run());
        assertThat(hub.requests)
                .anyMatch(request -> request.startsWith("/stored/model.safetensors bytes=1000-"))
                .anyMatch(request -> request.startsWith("/stored/model.safetensors bytes=2000-"));
    }

    /** The hub stands for a proxy: names under .invalid never lead anywhere. */
    @Test
    void aProxyIsAskedForEveryAddress() throws IOException {
        environment.put("http_proxy", hub.endpoint().toString());
        hub.storageHost = "storage.invalid";
        assertComplete(pull(URI.create("http://hub.invalid"), null).run(REPO));
        assertThat(hub.hosts).containsOnly("hub.invalid", "storage.invalid");
    }

    @Test
    void hostsOfNoProxyAreReachedWithout() throws IOException {
        environment.put("http_proxy", "http://proxy.invalid:3128");
        environment.put("NO_PROXY", "127.0.0.1");
        assertComplete(run());
    }

    @Test
    void aProxyThatIsNotThereIsNamedWithoutItsPassword() {
        environment.put("HTTPS_PROXY", "http://me:secret@127.0.0.1:1");
        assertThatThrownBy(() -> pull(URI.create("https://hub.invalid"), null).run(REPO))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("no connection to https://hub.invalid through the proxy 127.0.0.1:1; check the")
                .hasMessageNotContaining("secret");
    }

    @Test
    void encryptedConnectionsGoThroughATunnelWithThePassword() throws Exception {
        try (ServerSocket proxy = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            environment.put("HTTPS_PROXY", "http://me:s%40crt@127.0.0.1:" + proxy.getLocalPort());
            List<String> heard = new CopyOnWriteArrayList<>();
            Thread server = Thread.ofVirtual().start(() -> refuseTunnels(proxy, heard));
            assertThatThrownBy(
                            () -> pull(URI.create("https://hub.invalid"), null).run(REPO))
                    .hasMessageContaining("407");
            server.interrupt();
            server.join();
            assertThat(heard)
                    .contains("CONNECT hub.invalid:443 HTTP/1.1")
                    .anyMatch(line -> line.equalsIgnoreCase("Proxy-Authorization: Basic bWU6c0BjcnQ="));
        }
    }

    private static void refuseTunnels(ServerSocket proxy, List<String> heard) {
        while (true) {
            try (Socket client = proxy.accept()) {
                BufferedReader in = new BufferedReader(new InputStreamReader(client.getInputStream(), UTF_8));
                for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
                    heard.add(line);
                }
                client.getOutputStream()
                        .write(String.join(
                                        "\r\n",
                                        "HTTP/1.1 407 No",
                                        "Proxy-Authenticate: Basic realm=\"x\"",
                                        "Content-Length: 0",
                                        "Connection: close",
                                        "",
                                        "")
                                .getBytes(UTF_8));
            } catch (IOException closed) {
                return;
            }
        }
    }

    @Test
    void aRepositoryWithoutWeightsIsRefused() {
        hub.close();
        hub = new MisbehavingHub().with("config.json", config).with("model.gguf", new byte[4]);
        assertThatThrownBy(this::run)
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("expected config.json and safetensors files, got [config.json, model.gguf]");
    }

    @Test
    void shardsComeWithTheirIndex() {
        hub.with("model.safetensors.index.json", config)
                .with("model-00001-of-00002.safetensors", new byte[3])
                .with("consolidated.safetensors", new byte[3]);
        run();
        assertThat(requestsFor("model-00001-of-00002")).isPositive();
        assertThat(requestsFor("consolidated")).isZero();
    }
}
