package dev.jemma.app.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.app.console.Output;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.GenerationEvent;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class AnswerViewTest {
    private static final String DIM = "\u001b[2m";
    private static final String PLAIN = "\u001b[0m";
    private static final String ERASE = "\r\u001b[K";

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private AnswerView view(boolean outputIsTerminal, boolean color, Thinking thinking) {
        Terminal terminal = new Terminal(
                InputStream.nullInputStream(),
                new Output("stdout", out),
                new Output("stderr", err),
                true,
                outputIsTerminal,
                true);
        return new AnswerView(new Screen(terminal, color), thinking);
    }

    private static void play(AnswerView view, String... texts) {
        view.accept(new GenerationEvent.Prefilled("", 9, 0));
        for (String text : texts) {
            view.accept(
                    text.startsWith("T:")
                            ? new GenerationEvent.Thought("", text.substring(2))
                            : new GenerationEvent.Text("", text));
        }
        view.finish();
    }

    private String shown() {
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void thoughtsAreDimmed() {
        play(view(true, true, Thinking.ON), "T:Let me ", "T:see.", "\n\n", "Red", " foxes.");
        assertThat(shown())
                .isEqualTo(DIM + "Let me " + PLAIN + DIM + "see." + PLAIN + "\n" + DIM + PLAIN + "\nRed foxes.\n");
    }

    @Test
    void withoutColourThoughtsAreMarked() {
        play(view(true, false, Thinking.ON), "T:Let me see.\n", "Red foxes.");
        assertThat(shown()).isEqualTo("[thoughts]\nLet me see.\n[answer]\nRed foxes.\n");
    }

    @Test
    void hiddenThoughtsLeaveNothingBehind() {
        play(view(true, true, Thinking.HIDDEN), "T:Let me ", "T:see.", "Red foxes.");
        assertThat(shown()).isEqualTo(DIM + "thinking ..." + PLAIN + ERASE + "Red foxes.\n");
    }

    @Test
    void pipesGetTheAnswerAlone() {
        play(view(false, true, Thinking.ON), "T:Let me see.", "\nRed\u001b[31m foxes.\n");
        assertThat(shown()).isEqualTo("Red\u001b[31m foxes.\n");
        play(view(false, false, Thinking.ON));
        assertThat(shown()).as("a line for no answer, too").isEqualTo("Red\u001b[31m foxes.\n\n");
        assertThat(err.size()).isZero();
    }

    @Test
    void noAnswerSteersTheTerminal() {
        play(view(true, true, Thinking.OFF), "a\u001b[2Jb\rc\u0007\u009bd\te");
        assertThat(shown()).isEqualTo("a␛[2Jb␍c␇\ufffdd\te\n");
    }

    @Test
    void longPromptsShowHowFarTheyAre() {
        AnswerView view = view(true, true, Thinking.OFF);
        view.accept(new GenerationEvent.Prefilling("", 600, 256));
        play(view, "Yes.");
        assertThat(shown()).isEqualTo(ERASE + DIM + "reading 256 of 600 tokens ..." + PLAIN + ERASE + "Yes.\n");
    }
}
