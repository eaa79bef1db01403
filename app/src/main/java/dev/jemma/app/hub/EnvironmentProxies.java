package dev.jemma.app.hub;

import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The proxies that the environment names: {@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code ALL_PROXY} and, for hosts that
 * are reached without, {@code NO_PROXY}. As for curl, lower case goes before upper case, an entry of {@code NO_PROXY} is
 * a host with all below it, perhaps with a port, and {@code *} is every host. Where none is named the JVM's properties
 * ({@code https.proxyHost} and others) count.
 */
final class EnvironmentProxies extends ProxySelector {
    /** The JVM would send no password to proxies of encrypted connections; it is the user's own proxy and password. */
    private static final String DISABLED_SCHEMES = "jdk.http.auth.tunneling.disabledSchemes";

    private static final int DEFAULT_PORT = 80;

    private final Map<String, String> environment;

    EnvironmentProxies(Map<String, String> environment) {
        this.environment = Map.copyOf(environment);
    }

    /**
     * What a client is to ask for proxies; empty for what it asks by itself.
     *
     * <p>Call it before the process makes its first client: the JVM looks once whether passwords may be sent.
     */
    Optional<ProxySelector> selector() {
        if (System.getProperty(DISABLED_SCHEMES) == null) {
            System.setProperty(DISABLED_SCHEMES, "");
        }
        boolean named = Stream.of("https_proxy", "http_proxy", "all_proxy")
                .anyMatch(name -> !value(name).isEmpty());
        return named ? Optional.of(this) : Optional.empty();
    }

    /** The header that tells the proxy of a server who asks: sent at once, since an unasked proxy may hang up. */
    Optional<String> authorization(URI server) {
        URI proxy = proxy(server);
        if (proxy == null || proxy.getUserInfo() == null) {
            return Optional.empty();
        }
        String user = proxy.getUserInfo();
        byte[] userAndPassword = (user.contains(":") ? user : user + ":").getBytes(StandardCharsets.UTF_8);
        return Optional.of("Basic " + Base64.getEncoder().encodeToString(userAndPassword));
    }

    /** In words, for messages: which proxy is asked for a server; empty for none. */
    String through(URI server) {
        URI proxy = proxy(server);
        return proxy == null ? "" : " through the proxy " + proxy.getHost() + ":" + port(proxy);
    }

    @Override
    public List<Proxy> select(URI target) {
        URI proxy = proxy(target);
        return List.of(
                proxy == null
                        ? Proxy.NO_PROXY
                        : new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved(proxy.getHost(), port(proxy))));
    }

    /** The proxy for a server; null to ask the server itself. */
    private @Nullable URI proxy(URI target) {
        String variable = target.getScheme().toLowerCase(Locale.ROOT) + "_proxy";
        String named = value(variable);
        if (named.isEmpty()) {
            variable = "all_proxy";
            named = value(variable);
        }
        return named.isEmpty() || isExempt(target) ? null : parse(variable.toUpperCase(Locale.ROOT), named);
    }

    private static URI parse(String variable, String value) {
        try {
            URI uri = URI.create(value.contains("://") ? value : "http://" + value);
            if ("http".equals(uri.getScheme()) && uri.getHost() != null) {
                return uri;
            }
        } catch (IllegalArgumentException malformed) {
            throw wrong(variable);
        }
        throw wrong(variable);
    }

    /** The value may hold a password and is not repeated. */
    private static UsageException wrong(String variable) {
        return new UsageException(variable + ": expected http://HOST:PORT, with or without USER:PASSWORD@, got another"
                + " form of address; proxies that speak SOCKS or TLS themselves cannot be used");
    }

    private static int port(URI proxy) {
        return proxy.getPort() < 0 ? DEFAULT_PORT : proxy.getPort();
    }

    private boolean isExempt(URI target) {
        String host = target.getHost().toLowerCase(Locale.ROOT);
        int port = target.getPort() < 0 ? ("https".equals(target.getScheme()) ? 443 : 80) : target.getPort();
        for (String entry : value("no_proxy").toLowerCase(Locale.ROOT).split("[,\\s]+", -1)) {
            String exempt = entry.replaceFirst("^\\*?\\.", "");
            if (exempt.endsWith(":" + port)) {
                exempt = exempt.substring(0, exempt.lastIndexOf(':'));
            }
            if (exempt.equals("*") || (!exempt.isEmpty() && (host.equals(exempt) || host.endsWith("." + exempt)))) {
                return true;
            }
        }
        return false;
    }

    private String value(String lowerCase) {
        String value = environment.getOrDefault(lowerCase, "").strip();
        return value.isEmpty()
                ? environment
                        .getOrDefault(lowerCase.toUpperCase(Locale.ROOT), "")
                        .strip()
                : value;
    }

    @Override
    public void connectFailed(URI target, SocketAddress proxy, IOException failure) {
        // The request fails with the same exception, and Pull says what it was.
    }
}
