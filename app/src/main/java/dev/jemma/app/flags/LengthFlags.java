package dev.jemma.app.flags;

import dev.jemma.engine.StopConditions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Option;

/** When an answer ends. */
public final class LengthFlags {
    /** Room for the answer where the user sets no limit at all; --ctx-size gives more. */
    private static final int UNLIMITED_ROOM = 8192;

    @Option(
            names = {"-n", "--max-tokens", "--n-predict"},
            paramLabel = "N",
            description = "Most tokens to generate; -1: until the model stops or the context is full; default: 512.")
    private int maxTokens = 512;

    @Option(names = "--ignore-eos", description = "Go on past the model's own end, to the full length.")
    private boolean ignoreEos;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "End before this text comes up; may be given several times.")
    private List<String> stopStrings = new ArrayList<>();

    public StopConditions conditions(Set<Integer> stopIds) {
        return new StopConditions(
                maxTokens == -1 ? StopConditions.UNLIMITED : maxTokens, ignoreEos ? Set.of() : stopIds, stopStrings);
    }

    /** Tokens that a prompt of this size and its answer take. */
    public long contextFor(int promptTokens) {
        return (long) promptTokens + (maxTokens == -1 ? UNLIMITED_ROOM : maxTokens);
    }
}
