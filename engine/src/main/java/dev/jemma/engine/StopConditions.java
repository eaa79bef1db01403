package dev.jemma.engine;

import java.util.List;
import java.util.Set;

/**
 * When a text ends, besides a full context.
 *
 * @param maxTokens most tokens to generate
 * @param stopIds tokens that end the text; empty: none does
 * @param stopStrings texts that end it and are not part of it
 */
public record StopConditions(int maxTokens, Set<Integer> stopIds, List<String> stopStrings) {
    public static final int UNLIMITED = Integer.MAX_VALUE;

    public StopConditions {
        if (maxTokens <= 0) {
            throw new UsageException("max-tokens: expected 1 or more, or -1 for no limit, got " + maxTokens);
        }
        stopIds = Set.copyOf(stopIds);
        stopStrings = List.copyOf(stopStrings);
        if (stopStrings.contains("")) {
            throw new UsageException("stop: expected at least one character, got an empty string");
        }
    }
}
