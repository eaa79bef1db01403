package dev.jemma.models.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** The golden checkpoints' prompts and texts, tokenized by Hugging Face transformers. */
class GoldenTokenizerTest {
    static List<Path> checkpoints() {
        return Checkpoints.allGolden();
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void promptsGiveTheReferenceIds(Path checkpoint) {
        Tokenizer tokenizer = Tokenizer.load(checkpoint);
        assertThat(Checkpoints.prompts(checkpoint)).isNotEmpty().allSatisfy(prompt -> {
            int[] ids = tokenizer.encode(prompt.required("text").asString());
            assertThat(withBos(tokenizer, ids)).isEqualTo(Checkpoints.ints(prompt.required("ids")));
        });
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void greedyIdsGiveTheReferenceText(Path checkpoint) {
        Tokenizer tokenizer = Tokenizer.load(checkpoint);
        assertThat(Checkpoints.prompts(checkpoint)).isNotEmpty().allSatisfy(prompt -> {
            int[] greedy = Checkpoints.ints(prompt.required("greedy"));
            assertThat(withControls(tokenizer, greedy))
                    .isEqualTo(prompt.required("decoded").asString());
        });
    }

    @Test
    void demoModelsIdsAreTextAndBack() {
        Tokenizer tokenizer = Tokenizer.load(Checkpoints.DEMO);
        assertThat(Checkpoints.prompts(Checkpoints.DEMO)).hasSize(3).allSatisfy(prompt -> {
            String text = prompt.required("text").asString();
            assertThat(tokenizer.decode(Checkpoints.ints(prompt.required("greedy"))))
                    .isEqualTo(text);
            assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
            int[] ids = Checkpoints.ints(prompt.required("ids"));
            assertThat(tokenizer.encodeWithControls(withControls(tokenizer, ids)))
                    .isEqualTo(ids);
        });
    }

    @Test
    void demoModelsPlainPromptHasTheseIds() {
        Tokenizer tokenizer = Tokenizer.load(Checkpoints.DEMO);
        JsonNode plain = Checkpoints.prompts(Checkpoints.DEMO)
                .filter(prompt -> prompt.required("name").asString().equals("plain"))
                .findFirst()
                .orElseThrow();
        int[] ids = Checkpoints.ints(plain.required("ids"));
        assertThat(withBos(tokenizer, tokenizer.encode(tokenizer.decode(ids)))).isEqualTo(ids);
    }

    private static String withControls(Tokenizer tokenizer, int[] ids) {
        StreamDecoder stream = tokenizer.newStreamWithControls();
        StringBuilder text = new StringBuilder();
        Arrays.stream(ids).forEach(id -> text.append(stream.next(id)));
        return text.append(stream.flush()).toString();
    }

    private static int[] withBos(Tokenizer tokenizer, int[] ids) {
        return IntStream.concat(IntStream.of(tokenizer.bosId()), Arrays.stream(ids))
                .toArray();
    }
}
