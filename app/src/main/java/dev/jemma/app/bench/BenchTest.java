package dev.jemma.app.bench;

/**
 * One thing to measure.
 *
 * @param prompt tokens to read; 0 for a test of generation alone
 * @param generated tokens to generate, for each sequence; 0 for a test of prompts alone
 * @param depth tokens already in the cache
 * @param sequences that generate at once
 */
record BenchTest(int prompt, int generated, int depth, int sequences) {
    /** As llama-bench calls it: {@code pp512}, {@code tg128 @ d2048}, {@code pp512+tg128}; {@code x8} for sequences. */
    String name() {
        String what =
                prompt == 0 ? "tg" + generated : generated == 0 ? "pp" + prompt : "pp" + prompt + "+tg" + generated;
        return what + (sequences == 1 ? "" : " x" + sequences) + (depth == 0 ? "" : " @ d" + depth);
    }

    /** Tokens of one run, all sequences together. */
    long tokens() {
        return (long) (prompt + generated) * sequences;
    }

    /** Positions that a sequence takes: a decode stands behind one token at least. */
    int positions() {
        return depth + prompt + generated + 1;
    }

    boolean isDecode() {
        return prompt == 0;
    }

    boolean isPrefill() {
        return generated == 0;
    }
}
