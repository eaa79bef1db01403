package dev.jemma.app.chat;

import dev.jemma.engine.GenerationEvent;
import java.util.function.Consumer;

/** Shows one answer as it comes. Spaces and line ends before its first word are left out. */
final class AnswerView implements Consumer<GenerationEvent> {
    private final Screen screen;
    private final Thinking thinking;
    private State state = State.NOTHING;
    private boolean endsLine = true;
    private boolean showsProgress;

    private enum State {
        NOTHING,
        THOUGHTS,
        ANSWER
    }

    AnswerView(Screen screen, Thinking thinking) {
        this.screen = screen;
        this.thinking = thinking;
    }

    @Override
    public void accept(GenerationEvent event) {
        switch (event) {
            case GenerationEvent.Thought thought -> think(thought.text());
            case GenerationEvent.Text more -> answer(more.text());
            case GenerationEvent.Prefilling reading -> progress(reading);
            case GenerationEvent.Prefilled _ -> endProgress();
            case GenerationEvent.Token _ -> {}
            case GenerationEvent.Finished _ -> endProgress();
        }
    }

    /** A prompt that takes several steps may take long. */
    private void progress(GenerationEvent.Prefilling reading) {
        if (screen.answersAreSeen() && screen.hasColor()) {
            screen.eraseLine();
            screen.passing("reading " + reading.readTokens() + " of " + reading.promptTokens() + " tokens ...");
            showsProgress = true;
        }
    }

    private void endProgress() {
        if (showsProgress) {
            screen.eraseLine();
            showsProgress = false;
        }
    }

    private void think(String text) {
        if (!screen.answersAreSeen()) {
            return;
        }
        if (thinking == Thinking.HIDDEN) {
            if (state != State.THOUGHTS) {
                screen.passing("thinking ...");
            }
            state = State.THOUGHTS;
            return;
        }
        String shown = state == State.THOUGHTS ? text : text.stripLeading();
        if (shown.isEmpty()) {
            return;
        }
        if (state != State.THOUGHTS && !screen.hasColor()) {
            screen.note("[thoughts]");
        }
        state = State.THOUGHTS;
        show(shown, screen::thought);
    }

    private void answer(String text) {
        String shown = state == State.ANSWER ? text : text.stripLeading();
        if (shown.isEmpty()) {
            return;
        }
        if (state == State.THOUGHTS) {
            endThoughts();
        }
        state = State.ANSWER;
        show(shown, screen::answer);
    }

    private void endThoughts() {
        if (thinking == Thinking.HIDDEN) {
            screen.eraseLine();
            return;
        }
        finishLine();
        screen.note(screen.hasColor() ? "" : "[answer]");
    }

    private void show(String text, Consumer<String> how) {
        how.accept(text);
        endsLine = text.endsWith("\n");
    }

    private void finishLine() {
        if (!endsLine) {
            screen.answer("\n");
            endsLine = true;
        }
    }

    /** Ends the answer's last line. In a pipe there is one also for an answer of nothing. */
    void finish() {
        if (state == State.THOUGHTS && thinking == Thinking.HIDDEN) {
            screen.eraseLine();
        }
        if (state == State.NOTHING && !screen.answersAreSeen()) {
            screen.answer("\n");
        }
        finishLine();
    }
}
