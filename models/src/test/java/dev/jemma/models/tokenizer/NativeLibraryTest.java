package dev.jemma.models.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
    @TempDir
    private Path directory;

    @Test
    void unpacksOnceAndLeavesNothingElse() throws IOException {
        Path cache = directory.resolve("a/b");
        List<Path> files = NativeLibrary.unpack(cache);
        FileTime longAgo = FileTime.fromMillis(0);
        Files.setLastModifiedTime(files.getLast(), longAgo);
        assertThat(NativeLibrary.unpack(cache)).isEqualTo(files);
        assertThat(Files.getLastModifiedTime(files.getLast())).isEqualTo(longAgo);
        try (Stream<Path> all = Files.list(cache)) {
            assertThat(all).containsExactlyInAnyOrderElementsOf(files);
        }
    }

    @Test
    void replacesAFileThatWasCutShort() throws IOException {
        Path library = NativeLibrary.unpack(directory).getLast();
        long size = Files.size(library);
        Files.write(library, new byte[17]);
        assertThat(NativeLibrary.unpack(directory)).contains(library);
        assertThat(library).hasSize(size);
    }

    @Test
    void anUnusableDirectoryIsAnErrorNotACrash() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "not a directory");
        assertThatIOException().isThrownBy(() -> NativeLibrary.unpack(file.resolve("jemma")));
    }
}
