package dev.jemma.models.chat;

import dev.jemma.models.tokenizer.Tokenizer;
import java.util.stream.IntStream;

/**
 * A prompt under construction. Text between two control tokens is encoded in one piece, since merges cross the borders
 * between a template's text and a message's.
 */
final class Prompt {
    private final Tokenizer tokenizer;
    private final IntStream.Builder ids = IntStream.builder();
    private final StringBuilder pending = new StringBuilder();

    Prompt(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        ids.accept(tokenizer.bosId());
    }

    Prompt control(String token) {
        encodePending();
        ids.accept(
                tokenizer.id(token).orElseThrow(() -> new IllegalStateException(token + " is not in the tokenizer")));
        return this;
    }

    Prompt text(String text) {
        pending.append(text);
        return this;
    }

    /** A message's text as the template leaves it, or the ids it was written with. */
    Prompt content(Message message, String text) {
        if (message.ids().isEmpty()) {
            return text(text);
        }
        encodePending();
        message.ids().forEach(ids::accept);
        return this;
    }

    int[] toIds() {
        encodePending();
        return ids.build().toArray();
    }

    private void encodePending() {
        for (int id : tokenizer.encode(pending.toString())) {
            ids.accept(id);
        }
        pending.setLength(0);
    }
}
