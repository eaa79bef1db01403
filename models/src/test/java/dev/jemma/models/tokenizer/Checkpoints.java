package dev.jemma.models.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Where the committed checkpoints lie, and their JSON. */
public final class Checkpoints {
    public static final Path DEMO = Path.of(Objects.requireNonNull(System.getProperty("jemma.demo")));
    private static final Path GOLDEN = Path.of(Objects.requireNonNull(System.getProperty("jemma.golden")));

    private static final Path FETCHED =
            Path.of(Objects.requireNonNull(System.getProperty("jemma.root")), "target/tokenizers");

    /** Why tests of the published tokenizers are skipped. */
    static final String NOT_FETCHED = FETCHED + " is not there; scripts/fetch-tokenizers fetches it";

    private Checkpoints() {}

    /**
     * Tokenizer files of a published checkpoint. Without them the calling test is skipped, or fails if
     * {@code -Djemma.tokenizers=required}.
     */
    public static Path fetched(String name) {
        boolean required = "required".equals(System.getProperty("jemma.tokenizers"));
        assumeTrue(haveFetched() || required, NOT_FETCHED);
        assertThat(haveFetched()).as(NOT_FETCHED).isTrue();
        return FETCHED.resolve(name);
    }

    static boolean haveFetched() {
        return Files.exists(FETCHED);
    }

    /** One of the golden checkpoints. */
    public static Path golden(String name) {
        return GOLDEN.resolve(name);
    }

    static List<Path> allGolden() {
        try (Stream<Path> folders = Files.list(GOLDEN)) {
            return folders.filter(folder -> Files.exists(folder.resolve("tokenizer.json")))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A JSON file's tree. */
    public static JsonNode json(Path file) {
        return JsonMapper.shared().readTree(file.toFile());
    }

    static Stream<JsonNode> prompts(Path checkpoint) {
        return elements(json(checkpoint.resolve("golden.json")).required("prompts"));
    }

    /** An array's elements. */
    public static Stream<JsonNode> elements(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false);
    }

    /** An array of numbers. */
    public static int[] ints(JsonNode array) {
        return elements(array).mapToInt(JsonNode::asInt).toArray();
    }
}
