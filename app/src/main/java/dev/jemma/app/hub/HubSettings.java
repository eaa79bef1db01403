package dev.jemma.app.hub;

import dev.jemma.engine.UsageException;
import dev.jemma.kernels.UserDirectories;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where models come from and go to: the variables and files of Hugging Face's own tools.
 *
 * @param endpoint {@code HF_ENDPOINT}
 * @param cache {@code HF_HUB_CACHE}, or {@code hub} in {@code HF_HOME}
 * @param token {@code HF_TOKEN}, or what {@code hf auth login} left; null for none
 */
public record HubSettings(
        URI endpoint, Path cache, @Nullable String token) {
    private static final String ENDPOINT = "https://huggingface.co";

    public static HubSettings ofUser() {
        return of(System.getenv(), UserDirectories.sharedCache().resolve("huggingface"));
    }

    static HubSettings of(Map<String, String> environment, Path defaultHome) {
        Path home = path(environment, "HF_HOME", defaultHome);
        String endpoint = environment.getOrDefault("HF_ENDPOINT", ENDPOINT);
        return new HubSettings(
                endpoint(endpoint), path(environment, "HF_HUB_CACHE", home.resolve("hub")), token(environment, home));
    }

    private static URI endpoint(String text) {
        try {
            URI uri = URI.create(text.replaceAll("/+$", ""));
            if (uri.getHost() != null && ("https".equals(uri.getScheme()) || "http".equals(uri.getScheme()))) {
                return uri;
            }
        } catch (IllegalArgumentException malformed) {
            throw new UsageException("HF_ENDPOINT: expected https://HOST, got '" + text + "'", malformed);
        }
        throw new UsageException("HF_ENDPOINT: expected https://HOST, got '" + text + "'");
    }

    private static Path path(Map<String, String> environment, String name, Path otherwise) {
        String value = environment.getOrDefault(name, "");
        return value.isEmpty() ? otherwise : Path.of(value);
    }

    private static @Nullable String token(Map<String, String> environment, Path home) {
        String token = environment.getOrDefault("HF_TOKEN", "").strip();
        if (!token.isEmpty()) {
            return token;
        }
        Path file = path(environment, "HF_TOKEN_PATH", home.resolve("token"));
        try {
            String stored = Files.exists(file) ? Files.readString(file).strip() : "";
            return stored.isEmpty() ? null : stored;
        } catch (IOException unreadable) {
            throw new UsageException(file + ": the token cannot be read: " + unreadable.getMessage(), unreadable);
        }
    }
}
