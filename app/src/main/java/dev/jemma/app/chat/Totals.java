package dev.jemma.app.chat;

import dev.jemma.engine.GenerationResult;
import dev.jemma.engine.GenerationStats;
import java.util.Locale;

/** What the answers of a session cost, together and the last one. */
final class Totals {
    private int answers;
    private long promptTokens;
    private long reusedTokens;
    private long generatedTokens;
    private long prefillNanos;
    private long decodeNanos;

    void add(GenerationResult result) {
        GenerationStats stats = result.stats();
        answers++;
        promptTokens += stats.promptTokens();
        reusedTokens += stats.reusedTokens();
        generatedTokens += stats.generatedTokens();
        prefillNanos += stats.prefillNanos();
        decodeNanos += stats.decodeNanos();
    }

    /** One line about one answer. */
    static String line(GenerationResult result) {
        GenerationStats stats = result.stats();
        return String.format(
                Locale.ROOT,
                "[prompt: %d tokens, %d reused, %d read at %.1f tokens/s | answer: %d tokens, %.1f tokens/s"
                        + " | first token: %.2f s | end: %s]",
                stats.promptTokens(),
                stats.reusedTokens(),
                stats.promptTokens() - stats.reusedTokens(),
                stats.prefillRate(),
                stats.generatedTokens(),
                stats.decodeRate(),
                stats.timeToFirstTokenSeconds(),
                result.reason().label());
    }

    @Override
    public String toString() {
        long computed = promptTokens - reusedTokens;
        return String.format(
                Locale.ROOT,
                "answers    %d%nprompts    %d tokens: %d reused, %d read at %.1f tokens/s%n"
                        + "generated  %d tokens at %.1f tokens/s",
                answers,
                promptTokens,
                reusedTokens,
                computed,
                rate(computed, prefillNanos),
                generatedTokens,
                rate(generatedTokens - answers, decodeNanos));
    }

    private static double rate(long tokens, long nanos) {
        return tokens <= 0 || nanos <= 0 ? 0 : tokens * 1e9 / nanos;
    }
}
