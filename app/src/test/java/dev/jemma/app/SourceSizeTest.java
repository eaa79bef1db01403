package dev.jemma.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A reader can hold about ten screens of a file in mind. */
class SourceSizeTest {
    /** About 400, so that nobody cuts a file in two for its last few lines. */
    private static final int MAX_LINES = 440;

    private static final Set<String> SUFFIXES = Set.of(".java", ".metal", ".cu", ".h", ".sh");

    /** jextract writes one file for a header. */
    private static final String GENERATED = "/metal/bindings/";

    @Test
    void filesAreShortEnoughToRead() throws IOException {
        List<String> tooLong = new ArrayList<>();
        int files = 0;
        for (Path file : sources()) {
            files++;
            int lines = Files.readAllLines(file).size();
            if (lines > MAX_LINES) {
                tooLong.add(file + ": " + lines + " lines");
            }
        }
        assertThat(files).as("source files found").isGreaterThan(50);
        assertThat(tooLong).as("files over %d lines", MAX_LINES).isEmpty();
    }

    private static List<Path> sources() throws IOException {
        Path root = Path.of(System.getProperty("jemma.root"));
        List<Path> sources = new ArrayList<>();
        for (String module : List.of("kernels", "kvcache", "models", "engine", "app")) {
            try (Stream<Path> files = Files.walk(root.resolve(module).resolve("src"))) {
                files.filter(file -> SUFFIXES.stream().anyMatch(file.toString()::endsWith))
                        .filter(file -> !file.toString().replace('\\', '/').contains(GENERATED))
                        .forEach(sources::add);
            }
        }
        return sources;
    }
}
