package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.models.chat.ThoughtChannel.Part;
import dev.jemma.models.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SequenceTextTest {
    private static final Tokenizer DEMO = Tokenizer.load(Path.of(System.getProperty("jemma.demo")));

    private static List<Part> parts(String generated, boolean thoughts, String... stopStrings) {
        SequenceText text = SequenceText.of(
                new GenerationRequest(
                        "",
                        TokenIds.of(2),
                        SamplingOptions.GREEDY,
                        new StopConditions(9, Set.of(), List.of(stopStrings)),
                        0,
                        thoughts),
                DEMO);
        List<Part> parts = new ArrayList<>();
        for (int id : DEMO.encodeWithControls(generated)) {
            parts.addAll(text.next(id));
        }
        parts.addAll(text.finish(true));
        return parts;
    }

    private static String joined(List<Part> parts, boolean thought) {
        StringBuilder text = new StringBuilder();
        parts.stream().filter(part -> part.thought() == thought).forEach(part -> text.append(part.text()));
        return text.toString();
    }

    @Test
    void thoughtsAreToldApartOnlyIfAskedFor() {
        String generated = "<|channel>thought\nA fox, I think.<channel|>Once upon a time.";
        List<Part> apart = parts(generated, true);
        assertThat(joined(apart, true)).isEqualTo("A fox, I think.");
        assertThat(joined(apart, false)).isEqualTo("Once upon a time.");
        assertThat(joined(parts(generated, false), false)).isEqualTo("thought\nA fox, I think.Once upon a time.");
    }

    @Test
    void stopStringsEndTheAnswerButNotAThought() {
        List<Part> parts = parts("<|channel>thought\nEND is near.<channel|>Before the END, nothing.", true, "END");
        assertThat(joined(parts, true)).isEqualTo("END is near.");
        assertThat(joined(parts, false)).isEqualTo("Before the ");
    }

    @Test
    void aTextThatIsCutEndsWithAWholeCharacter() {
        // Characters outside the vocabulary are four byte tokens each.
        int[] ids = DEMO.encode("a𒀀𒀁");
        assertThat(ids).hasSize(9);
        for (int end = 0; end <= ids.length; end++) {
            SequenceText text = SequenceText.of(
                    new GenerationRequest(
                            "", TokenIds.of(2), SamplingOptions.GREEDY, new StopConditions(9, Set.of(), List.of()), 0),
                    DEMO);
            StringBuilder shown = new StringBuilder();
            for (int i = 0; i < end; i++) {
                text.next(ids[i]).forEach(part -> shown.append(part.text()));
            }
            text.finish(false).forEach(part -> shown.append(part.text()));
            assertThat(shown.toString())
                    .as("%d of the ids", end)
                    .isEqualTo(end == 0 ? "" : end < 5 ? "a" : end < 9 ? "a𒀀" : "a𒀀𒀁");
        }
    }
}
