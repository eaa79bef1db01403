package dev.jemma.engine;

/**
 * What one text cost. Times are wall clock; with several sequences in a step each counts the whole step.
 *
 * @param promptTokens tokens of the prompt
 * @param reusedTokens of these, taken from the cache instead of computed
 * @param generatedTokens tokens generated, the one that ended the text included
 * @param waitNanos from the request to its first step
 * @param prefillNanos from the first step to the first token
 * @param decodeNanos from the first token to the last
 */
public record GenerationStats(
        int promptTokens, int reusedTokens, int generatedTokens, long waitNanos, long prefillNanos, long decodeNanos) {

    /** Computed prompt tokens per second; 0 if there were none. */
    public double prefillRate() {
        return rate(promptTokens - reusedTokens, prefillNanos);
    }

    /** Tokens per second after the first, which prefill yields; 0 if there were none. */
    public double decodeRate() {
        return rate(generatedTokens - 1, decodeNanos);
    }

    public double timeToFirstTokenSeconds() {
        return (waitNanos + prefillNanos) / 1e9;
    }

    private static double rate(int tokens, long nanos) {
        return tokens <= 0 || nanos <= 0 ? 0 : tokens * 1e9 / nanos;
    }
}
