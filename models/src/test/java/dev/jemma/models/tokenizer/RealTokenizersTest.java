package dev.jemma.models.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The published Gemma 2 and 3 tokenizers, which {@code scripts/fetch-tokenizers} puts into {@code target/tokenizers}.
 * Expected ids come from another implementation: see {@code make-expected.mjs} beside {@code expected.json}. With
 * {@code -Djemma.tokenizers=required} their absence is a failure.
 */
class RealTokenizersTest {
    /** Surefire keeps the reason of a skip in its report files; this one should be seen. */
    @BeforeAll
    static void tellWhySkipped() {
        if (!Checkpoints.haveFetched()) {
            System.err.println("RealTokenizersTest skipped: " + Checkpoints.NOT_FETCHED);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3"})
    void idsAreThoseOfAnotherImplementation(String family) throws IOException {
        Tokenizer tokenizer = Tokenizer.load(Checkpoints.fetched(family));
        assertThat(Checkpoints.elements(expected())).hasSize(35).allSatisfy(entry -> {
            String text = entry.required("text").asString();
            JsonNode ids = entry.required(family);
            assertThat(tokenizer.encode(text)).isEqualTo(Checkpoints.ints(ids.required("text")));
            assertThat(tokenizer.encodeWithControls(text)).isEqualTo(Checkpoints.ints(ids.required("raw")));
            assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text.replace(Vocabulary.SPACE, ' '));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3"})
    void randomTextsMatchTheUntouchedFile(String family) throws IOException {
        Path checkpoint = Checkpoints.fetched(family);
        Tokenizer tokenizer = Tokenizer.load(checkpoint);
        ReferenceTokenizer reference = new ReferenceTokenizer(checkpoint);
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            String text = RandomTexts.mixed(random);
            assertThat(tokenizer.encodeWithControls(text))
                    .as("seed %d: %s", seed, text)
                    .isEqualTo(reference.encode(text));
            int[] ids = tokenizer.encode(text);
            assertThat(IntStream.of(ids)).as("seed %d: %s", seed, text).noneMatch(tokenizer::isControl);
            assertThat(tokenizer.decode(ids)).as("seed %d", seed).isEqualTo(reference.decode(ids));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3"})
    void specialIdsAreThePublishedOnes(String family) {
        Tokenizer tokenizer = Tokenizer.load(Checkpoints.fetched(family));
        boolean gemma2 = family.equals("gemma2");
        assertThat(tokenizer.bosId()).isEqualTo(2);
        assertThat(tokenizer.id("<start_of_turn>")).hasValue(gemma2 ? 106 : 105);
        assertThat(tokenizer.id("<end_of_turn>")).hasValue(gemma2 ? 107 : 106);
        assertThat(tokenizer.vocabSize()).isEqualTo(gemma2 ? 256_000 : 262_145);
        assertThat(tokenizer.encode("\n")).containsExactly(gemma2 ? 108 : 107);
    }

    private static JsonNode expected() throws IOException {
        try (InputStream in = RealTokenizersTest.class.getResourceAsStream("/tokenizers/expected.json")) {
            return JsonMapper.shared().readTree(Objects.requireNonNull(in));
        }
    }
}
