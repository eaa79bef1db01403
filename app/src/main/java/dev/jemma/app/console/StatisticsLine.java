package dev.jemma.app.console;

import dev.jemma.engine.GenerationRequest;
import dev.jemma.engine.GenerationResult;
import dev.jemma.engine.GenerationStats;
import dev.jemma.engine.PeakMemory;
import java.util.Locale;

/** The line that follows an answer. */
public final class StatisticsLine {
    private StatisticsLine() {}

    public static String of(GenerationRequest request, GenerationResult result) {
        GenerationStats stats = result.stats();
        StringBuilder line = new StringBuilder("[");
        line.append(String.format(
                Locale.ROOT, "prompt: %d tokens, %.1f tokens/s", stats.promptTokens(), stats.prefillRate()));
        if (stats.reusedTokens() > 0) {
            line.append(", ").append(stats.reusedTokens()).append(" reused");
        }
        line.append(String.format(
                Locale.ROOT,
                " | answer: %d tokens, %.1f tokens/s | first token: %.2f s",
                stats.generatedTokens(),
                stats.decodeRate(),
                stats.timeToFirstTokenSeconds()));
        PeakMemory.bytes()
                .ifPresent(bytes -> line.append(String.format(Locale.ROOT, " | memory: %d MiB", bytes >> 20)));
        line.append(" | end: ").append(result.reason().label());
        if (!request.sampling().isGreedy()) {
            line.append(" | seed: ").append(request.sampling().seed());
        }
        return line.append(']').toString();
    }
}
