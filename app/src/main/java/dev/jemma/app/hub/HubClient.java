package dev.jemma.app.hub;

import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Asks the server. The token goes to the server alone, not to where it redirects. */
final class HubClient implements AutoCloseable {
    private static final int MAX_REDIRECTS = 8;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(20);

    /** From a request to its headers; bodies may take as long as they flow. */
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(60);

    private final HubSettings settings;
    private final EnvironmentProxies proxies;
    private final HttpClient http;

    /** The server cannot answer now, but may later. */
    static final class BusyException extends IOException {
        private static final long serialVersionUID = 1L;

        BusyException(String message) {
            super(message);
        }
    }

    HubClient(HubSettings settings, EnvironmentProxies proxies) {
        this.settings = settings;
        this.proxies = proxies;
        Optional<ProxySelector> selector = proxies.selector();
        HttpClient.Builder builder = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(CONNECT_TIMEOUT);
        selector.ifPresent(builder::proxy);
        this.http = builder.build();
    }

    /** What the server says about a model: commit and files, with checksums. */
    JsonNode describe(RepoName repo) throws IOException {
        URI uri = URI.create(
                settings.endpoint() + "/api/models/" + repo.path() + "/revision/" + repo.revision() + "?blobs=true");
        HttpResponse<InputStream> response = get(repo, uri, 0);
        try (InputStream body = response.body()) {
            return JsonMapper.shared().readTree(body.readAllBytes());
        } catch (JacksonException e) {
            throw new IOException("expected JSON from " + uri + ", got something else: " + e.getOriginalMessage(), e);
        }
    }

    /**
     * A file's bytes from {@code offset} on, or from its start where the server sends all of it: look at the status.
     *
     * @throws IOException if the network, or the server for now, fails
     * @throws UsageException if the server refuses
     */
    HttpResponse<InputStream> open(RepoName repo, String commit, String file, long offset) throws IOException {
        return get(
                repo, URI.create(settings.endpoint() + "/" + repo.path() + "/resolve/" + commit + "/" + file), offset);
    }

    private HttpResponse<InputStream> get(RepoName repo, URI start, long offset) throws IOException {
        URI uri = start;
        for (int i = 0; i < MAX_REDIRECTS; i++) {
            HttpResponse<InputStream> response = send(uri, offset);
            int status = response.statusCode();
            Optional<String> location = response.headers().firstValue("location");
            if (status / 100 != 3 || location.isEmpty()) {
                if (status != 200 && status != 206 && status != 416) {
                    discard(response);
                    refuse(repo, uri, status);
                }
                return response;
            }
            discard(response);
            uri = redirected(uri, location.get());
        }
        throw new IOException("more than " + MAX_REDIRECTS + " redirections from " + start);
    }

    /** A proxy's refusal has no body, not even an empty one. */
    private static void discard(HttpResponse<InputStream> response) throws IOException {
        @Nullable InputStream body = response.body();
        if (body != null) {
            body.close();
        }
    }

    private static URI redirected(URI from, String location) throws IOException {
        try {
            URI target = from.resolve(location);
            if ("https".equals(target.getScheme()) || "http".equals(from.getScheme())) {
                return target;
            }
        } catch (IllegalArgumentException malformed) {
            throw new IOException(from + " redirects to '" + location + "', which is no address", malformed);
        }
        throw new IOException(from + " redirects to " + location + ", away from https");
    }

    private HttpResponse<InputStream> send(URI uri, long offset) throws IOException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(uri).timeout(ANSWER_TIMEOUT).header("User-Agent", "jemma");
        if (offset > 0) {
            request.header("Range", "bytes=" + offset + "-");
        }
        boolean ours = uri.getScheme().equals(settings.endpoint().getScheme())
                && uri.getAuthority().equals(settings.endpoint().getAuthority());
        if (settings.token() != null && ours) {
            request.header("Authorization", "Bearer " + settings.token());
        }
        proxies.authorization(uri).ifPresent(value -> request.header("Proxy-Authorization", value));
        try {
            return http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UncheckedIOException(new IOException("interrupted", e));
        }
    }

    private void refuse(RepoName repo, URI uri, int status) throws IOException {
        String page = settings.endpoint() + "/" + repo.path();
        switch (status) {
            case 401 ->
                throw new UsageException("pull: " + repo + ": the server asks who you are (401)"
                        + (settings.token() == null ? "" : " and does not know your token")
                        + "; accept the model's terms at " + page
                        + " if it has any, then run 'hf auth login' or set HF_TOKEN; check the name too");
            case 403 ->
                throw new UsageException("pull: " + repo + ": the server does not let "
                        + (settings.token() == null ? "you" : "the owner of your token")
                        + " in (403); ask for access at " + page + ", or use a token that may read gated models");
            case 407 ->
                throw new UsageException("pull: the proxy asks who you are, or does not know you (407); name it as"
                        + " http://USER:PASSWORD@HOST:PORT in HTTPS_PROXY");
            case 404 ->
                throw new UsageException("pull: " + repo + ": not on "
                        + settings.endpoint().getHost() + " (404);" + " check owner, name and revision");
            default -> {
                if (status / 100 == 5 || status == TOO_MANY_REQUESTS) {
                    throw new BusyException("the server failed with status " + status + " for " + uri);
                }
                throw new UsageException("pull: " + repo + ": expected the file, got status " + status + " for " + uri);
            }
        }
    }

    @Override
    public void close() {
        http.close();
    }
}
