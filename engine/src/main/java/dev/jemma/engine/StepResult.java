package dev.jemma.engine;

/** What a step computes from its logits for the host, in rising order of what must be read back. */
enum StepResult {
    /** The likeliest token: 4 bytes. */
    ARGMAX,
    /** The {@link #MAX_CANDIDATES} likeliest tokens and one more, with their logits: half a KiB. */
    CANDIDATES,
    /** All logits: 1 MiB with a vocabulary of 262144. */
    LOGITS;

    /** Gemma's own top-k is 64; the one more shows whether others are level with the last. */
    static final int MAX_CANDIDATES = 64;
}
