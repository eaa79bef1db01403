package dev.jemma.app.flags;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.app.console.Output;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SyntheticModelsTest {
    private final ByteArrayOutputStream error = new ByteArrayOutputStream();

    @TempDir
    private Path cache;

    private SyntheticModels models() {
        Output out = new Output("stdout", new ByteArrayOutputStream());
        return new SyntheticModels(
                new Terminal(InputStream.nullInputStream(), out, new Output("stderr", error), false, false), cache);
    }

    @Test
    void aModelIsWrittenOnceAndWhole() throws IOException {
        Path directory = models().directory("synthetic:gemma-3-270m:4bit");
        assertThat(error.toString(StandardCharsets.UTF_8)).startsWith("jemma: writing random weights once, 14");
        FileTime written = Files.getLastModifiedTime(directory.resolve("model.safetensors"));
        assertThat(models().directory("synthetic:gemma-3-270m:4bit")).isEqualTo(directory);
        assertThat(Files.getLastModifiedTime(directory.resolve("model.safetensors")))
                .isEqualTo(written);
        assertThat(error.toString(StandardCharsets.UTF_8)).hasLineCount(1);
        try (Stream<Path> entries = Files.list(cache)) {
            assertThat(entries).as("nothing unfinished").containsExactly(directory);
        }
        assertThat(directory).isDirectoryContaining("glob:**/tokenizer.json");
    }

    /** 62 GB of weights, of which nothing is written. */
    @Test
    void anOutlineIsWrittenAtOnce() throws IOException {
        SyntheticModels.Outline outline = models().outline("synthetic:gemma-4-31b");
        assertThat(outline.bits()).isEqualTo(16);
        assertThat(outline.directory()).isDirectoryContaining("glob:**/tokenizer.json");
        assertThat(Files.size(outline.directory().resolve("model.safetensors"))).isGreaterThan(60_000_000_000L);
        assertThat(models().outline("synthetic:gemma-4-31b").directory()).isEqualTo(outline.directory());
        assertThat(error.size()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"synthetic:", "synthetic:gemma-3-1b:5bit", "synthetic:gpt", "synthetic:gemma-3-1b:4bit:x"})
    void namesThatDoNotExistAreRefused(String name) {
        assertThatThrownBy(() -> models().outline(name)).isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> models().directory(name))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("gemma-3-270m, gemma-3-1b")
                .hasMessageEndingWith("got '" + name + "'");
        assertThat(cache).isEmptyDirectory();
    }
}
