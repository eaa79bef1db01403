package dev.jemma.engine;

import java.util.List;

/**
 * What happens to a request, in this order: {@link Prefilling} for a prompt of several steps, {@link Prefilled}, then
 * tokens and text, then {@link Finished}.
 */
public sealed interface GenerationEvent {
    /** Id of the request. */
    String id();

    /**
     * A part of the prompt has been read; more of it follows.
     *
     * @param readTokens how many of the prompt's tokens are in the cache now, those it still held included
     */
    record Prefilling(String id, int promptTokens, int readTokens) implements GenerationEvent {}

    /**
     * The prompt has been read; the first token follows.
     *
     * @param reusedTokens tokens of the prompt that the cache still held
     */
    record Prefilled(String id, int promptTokens, int reusedTokens) implements GenerationEvent {}

    /**
     * A token was chosen, perhaps one that ends the text.
     *
     * @param best the likeliest tokens at this place, as many as were asked for
     */
    record Token(String id, int tokenId, List<TokenLogprob> best) implements GenerationEvent {
        public Token {
            best = List.copyOf(best);
        }
    }

    /** More of the model's reasoning before its answer, in whole characters; only if the request keeps them apart. */
    record Thought(String id, String text) implements GenerationEvent {}

    /** More of the text: whole characters, and nothing that may turn out to be part of a stop string. */
    record Text(String id, String text) implements GenerationEvent {}

    /** The last event. */
    record Finished(String id, FinishReason reason, GenerationStats stats) implements GenerationEvent {}
}
