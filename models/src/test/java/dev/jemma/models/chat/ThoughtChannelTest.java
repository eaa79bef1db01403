package dev.jemma.models.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.models.tokenizer.Checkpoints;
import dev.jemma.models.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ThoughtChannelTest {
    private static final Tokenizer DEMO = Tokenizer.load(Checkpoints.DEMO);

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "answer only|''|answer only",
                "[CH]thought~I wonder.[END]An answer.|I wonder.|An answer.",
                "[CH]thought~[END]An answer.|''|An answer.",
                "[CH]thought~never closed|never closed|''",
                "[CH]thou|''|''",
                "before[CH]thought~a[END]middle[CH]thought~b[END]after|ab|beforemiddleafter",
                "[CH]thought~two~lines[END]x|two~lines|x",
                "[END]stray|''|stray",
                "[CH]thought~𒀀[END]𒀁|𒀀|𒀁",
            })
    void splits(String generated, String thoughts, String answer) {
        ThoughtChannel channel = ThoughtChannel.of(DEMO);
        List<ThoughtChannel.Part> parts = new ArrayList<>();
        String raw = unquoted(generated).replace("[CH]", "<|channel>").replace("[END]", "<channel|>");
        for (int id : DEMO.encodeWithControls(raw)) {
            parts.addAll(channel.next(id));
        }
        parts.addAll(channel.flush());
        assertThat(parts).noneMatch(part -> part.text().isEmpty());
        assertThat(joined(parts, true)).isEqualTo(unquoted(thoughts));
        assertThat(joined(parts, false)).isEqualTo(unquoted(answer));
        assertThat(channel.isThinking()).isEqualTo(raw.contains("<|channel>") && !raw.contains("<channel|>"));
    }

    private static String joined(List<ThoughtChannel.Part> parts, boolean thought) {
        StringBuilder text = new StringBuilder();
        parts.stream().filter(part -> part.thought() == thought).forEach(part -> text.append(part.text()));
        return text.toString();
    }

    private static String unquoted(String cell) {
        return cell.equals("''") ? "" : cell.replace('~', '\n');
    }
}
