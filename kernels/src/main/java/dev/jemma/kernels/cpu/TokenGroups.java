package dev.jemma.kernels.cpu;

/**
 * Where rounded activations lie for functions of {@link FourRowsCode}: groups of four tokens, of which the last may have
 * fewer; in each group, what a function reads at a time of all its tokens lies together.
 *
 * @param x room for {@link #MAX} tokens
 * @param sums room for their sums
 */
record TokenGroups(long x, long sums) {
    /** Most tokens. With more, oneDNN's products are as fast. */
    static final int MAX = 16;

    /** Tokens of the group that {@code token} is in. */
    static int size(int token, int tokens) {
        int first = token - token % FourRowsCode.MAX_TOKENS;
        return Math.min(FourRowsCode.MAX_TOKENS, tokens - first);
    }

    /** How many groups as large as that of {@code token}, their first, there are from it on. */
    static int count(int token, int tokens) {
        return Math.max(1, (tokens - token) / FourRowsCode.MAX_TOKENS);
    }
}
