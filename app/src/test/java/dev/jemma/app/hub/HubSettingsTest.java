package dev.jemma.app.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HubSettingsTest {
    @TempDir
    private Path home;

    @Test
    void followsTheVariablesOfHuggingFace() throws IOException {
        HubSettings defaults = HubSettings.of(Map.of(), home);
        assertThat(defaults)
                .isEqualTo(new HubSettings(URI.create("https://huggingface.co"), home.resolve("hub"), null));
        Files.writeString(home.resolve("token"), "stored\n");
        assertThat(HubSettings.of(Map.of(), home).token()).isEqualTo("stored");
        HubSettings set = HubSettings.of(
                Map.of("HF_ENDPOINT", "http://mirror:80/", "HF_HUB_CACHE", "/c", "HF_TOKEN", "given"), home);
        assertThat(set).isEqualTo(new HubSettings(URI.create("http://mirror:80"), Path.of("/c"), "given"));
        assertThat(HubSettings.of(Map.of("HF_HOME", "/h"), home).cache()).isEqualTo(Path.of("/h/hub"));
    }

    @Test
    void refusesEndpointsThatAreNone() {
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "hub"), home))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("HF_ENDPOINT: expected https://HOST");
    }

    @Test
    void namesHaveAnOwnerAndPerhapsARevision() {
        assertThat(RepoName.parse("google/gemma-3-1b-it")).isEqualTo(new RepoName("google", "gemma-3-1b-it", "main"));
        assertThat(RepoName.parse("a/b@v1.0").revision()).isEqualTo("v1.0");
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma", "a/b/c", "../b", "a/..", "a/b@", "a b/c", "/a", "a/.hidden"})
    void otherTextsAreNoNames(String text) {
        assertThat(RepoName.matches(text)).isFalse();
        assertThatThrownBy(() -> RepoName.parse(text)).isInstanceOf(UsageException.class);
    }
}
