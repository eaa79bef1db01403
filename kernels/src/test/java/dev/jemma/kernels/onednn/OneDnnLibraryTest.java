package dev.jemma.kernels.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OneDnnLibraryTest {
    private static final String LIBRARY = "libdnnl.so.3";

    @TempDir
    private Path directory;

    private static void needsTheJars() {
        assumeTrue(
                OneDnnLibrary.class.getClassLoader().getResource("org/bytedeco/dnnl/linux-x86_64/" + LIBRARY) != null,
                "oneDNN is on the class path on Linux with x86-64 only");
    }

    @Test
    void unpacksOnceAndLeavesNothingElse() throws IOException {
        needsTheJars();
        Path folder = directory.resolve("a/b");
        Path file = OneDnnLibrary.unpack(folder).resolve(LIBRARY);
        FileTime longAgo = FileTime.fromMillis(0);
        Files.setLastModifiedTime(file, longAgo);
        OneDnnLibrary.unpack(folder);
        assertThat(Files.getLastModifiedTime(file)).isEqualTo(longAgo);
        try (Stream<Path> all = Files.list(folder)) {
            assertThat(all.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder("libgomp.so.1", "libOpenCL.so.1", LIBRARY);
        }
    }

    /** Of the right size, so that it is not replaced: what a damaged disk or another processor's library would be. */
    @Test
    void aBrokenLibraryIsDoneWithout() throws IOException {
        needsTheJars();
        Path file = OneDnnLibrary.unpack(directory).resolve(LIBRARY);
        try (RandomAccessFile broken = new RandomAccessFile(file.toFile(), "rw")) {
            long size = broken.length();
            broken.setLength(0);
            broken.setLength(size);
        }
        OneDnnLibrary.Outcome outcome = OneDnnLibrary.open(directory);
        assertThat(outcome.library()).isNull();
        assertThat(outcome.reason()).contains("cannot be loaded", LIBRARY);
    }

    @Test
    void anUnusableFolderIsDoneWithout() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "not a directory");
        OneDnnLibrary.Outcome outcome = OneDnnLibrary.open(file.resolve("jemma"));
        assertThat(outcome.library()).isNull();
        assertThat(outcome.reason()).contains("cannot be loaded");
    }
}
