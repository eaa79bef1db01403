package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Weight;

/** Dot products of weight rows with up to {@link TokenGroups#MAX} rows of activations, by machine code of Jemma's own. */
sealed interface GroupedDots permits IntegerDots, Bf16Dots, FloatDots {
    /** Whether products with such a weight can be computed so. */
    boolean takes(Weight w);

    /** Brings the {@code token}-th of {@code tokens} rows of activations into the form and order for {@link #rows}. */
    void arrange(TokenGroups to, int token, int tokens, long x, Weight w, Scratch.Worker own);

    /** {@code out[t, r] = w[firstRow + r] . x[t]} for {@code rows} weight rows and {@code tokens} rounded rows. */
    void rows(
            long out, long outStride, TokenGroups in, int tokens, Weight w, int firstRow, int rows, Scratch.Worker own);
}
