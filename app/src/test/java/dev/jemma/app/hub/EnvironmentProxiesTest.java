package dev.jemma.app.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.UsageException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EnvironmentProxiesTest {
    private static String proxy(Map<String, String> environment, String target) {
        Proxy proxy =
                new EnvironmentProxies(environment).select(URI.create(target)).getFirst();
        return proxy.address() instanceof InetSocketAddress address
                ? address.getHostString() + ":" + address.getPort()
                : "none";
    }

    @Test
    void theSchemeDecidesAndLowerCaseGoesFirst() {
        Map<String, String> both =
                Map.of("https_proxy", "http://a:1", "HTTPS_PROXY", "http://b:2", "HTTP_PROXY", "c:3");
        assertThat(proxy(both, "https://hub")).isEqualTo("a:1");
        assertThat(proxy(both, "http://hub")).isEqualTo("c:3");
        assertThat(proxy(Map.of("ALL_PROXY", "http://u:p@d"), "https://hub")).isEqualTo("d:80");
        assertThat(proxy(Map.of("http_proxy", "c:3"), "https://hub")).isEqualTo("none");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "huggingface.co; none",
                ".co; none",
                "*.huggingface.co; none",
                "other.org, HuggingFace.co:443; none",
                "*; none",
                "huggingface.co:80; a:1",
                "gingface.co; a:1",
                "cdn.huggingface.co; a:1",
                "''; a:1",
            })
    void noProxyNamesHostsAndAllBelow(String exempt, String expected) {
        Map<String, String> environment = Map.of("HTTPS_PROXY", "a:1", "NO_PROXY", exempt);
        assertThat(proxy(environment, "https://huggingface.co/x")).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"socks5://a:1", "https://a:1", "http://", "http://a b:secret"})
    void otherProxiesAreRefusedWithoutRepeatingPasswords(String value) {
        assertThatThrownBy(() -> proxy(Map.of("HTTPS_PROXY", value), "https://hub"))
                .isInstanceOf(UsageException.class)
                .hasMessageStartingWith("HTTPS_PROXY: expected http://HOST:PORT")
                .hasMessageNotContaining("secret");
    }
}
