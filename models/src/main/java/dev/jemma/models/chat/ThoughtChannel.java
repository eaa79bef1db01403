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

    private ThoughtChannel(int open, int close, StreamDecoder decoder) {
        this.open = open;
        this.close = close;
        this.decoder = decoder;
    }

    /** A splitter for one generated answer; all of it is answer for models without thoughts. */
    public static ThoughtChannel of(Tokenizer tokenizer) {
        return new ThoughtChannel(
                tokenizer.id(TurnBarFormat.CHANNEL).orElse(NONE),
                tokenizer.id(TurnBarFormat.CHANNEL_END).orElse(NONE),
                tokenizer.newStream());
    }

    /** One that takes all for answer, whatever the model. */
    public static ThoughtChannel none(Tokenizer tokenizer) {
        return new ThoughtChannel(NONE, NONE, tokenizer.newStream());
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
        return rest(decoder.flush());
    }

    /** What was held back, without the character that the end of the ids cut through. */
    public List<Part> flushWhole() {
        return rest(decoder.flushWhole());
    }

    private List<Part> rest(String text) {
        List<Part> parts = new ArrayList<>(1);
        accept(text, parts);
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
