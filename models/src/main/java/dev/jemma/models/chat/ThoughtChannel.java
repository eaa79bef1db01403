package dev.jemma.models.chat;

import dev.jemma.models.tokenizer.StreamDecoder;
import dev.jemma.models.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/**
 * Splits generated ids into thoughts and answer: {@code <|channel>thought\n...<channel|>answer}. The channel's name,
 * its newline and the marks belong to neither. Everything is answer for models without channels. Not thread-safe.
 */
public final class ThoughtChannel {
    private static final int NONE = -1;

    private final int open;
    private final int close;
    private final StreamDecoder decoder;
    private final StringBuilder name = new StringBuilder();
    private State state = State.ANSWER;

    private enum State {
        ANSWER,
        NAME,
        THOUGHT
    }

    /**
     * A piece of text, never empty.
     *
     * @param thought reasoning rather than answer
     */
    public record Part(boolean thought, String text) {}

    ThoughtChannel(Tokenizer tokenizer) {
        this.open = tokenizer.id(TurnBarFormat.CHANNEL).orElse(NONE);
        this.close = tokenizer.id(TurnBarFormat.CHANNEL_END).orElse(NONE);
        this.decoder = tokenizer.newStream();
    }

    /** What this id completes, usually one part or none. */
    public List<Part> next(int id) {
        List<Part> parts = new ArrayList<>(2);
        if (id != NONE && (id == open || id == close)) {
            accept(decoder.flush(), parts);
            name.setLength(0);
            state = id == open ? State.NAME : State.ANSWER;
        } else {
            accept(decoder.next(id), parts);
        }
        return parts;
    }

    /** What was held back; call it after the last id. */
    public List<Part> flush() {
        List<Part> parts = new ArrayList<>(1);
        accept(decoder.flush(), parts);
        return parts;
    }

    /** Whether the ids so far end inside a thought. */
    public boolean isThinking() {
        return state != State.ANSWER;
    }

    private void accept(String text, List<Part> parts) {
        String rest = text;
        if (state == State.NAME) {
            name.append(text);
            int newline = name.indexOf("\n");
            if (newline < 0) {
                return;
            }
            rest = name.substring(newline + 1);
            state = State.THOUGHT;
        }
        if (!rest.isEmpty()) {
            parts.add(new Part(state == State.THOUGHT, rest));
        }
    }
}
