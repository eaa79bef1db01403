package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.onednn.OneDnn;
import org.jspecify.annotations.Nullable;

/**
 * From how many rows of activations on products go to oneDNN, because that is faster; {@link #NEVER} for not at all.
 *
 * @param split BF16 weights, activations split into BF16 numbers whose sum they are: as exact as F32
 * @param digits affine weights and activations as whole numbers in digits: as exact as F32
 * @param rounded weights of both kinds and activations rounded to BF16
 */
record OneDnnRows(int split, int digits, int rounded) {
    static final int NEVER = Integer.MAX_VALUE;

    private static final OneDnnRows NONE = new OneDnnRows(NEVER, NEVER, NEVER);

    /** Fewest rows that are rounded: with fewer, Java's dot products come closer to the memory's speed. */
    static final int MIN_ROUNDED = Projection.FEW;

    /**
     * What pays on this processor. AMX tiles make seven times the products of F32 vectors, so that exact ones in three
     * parts pay too. AVX-512's dot products of BF16 make twice of F32's: only rounded ones pay.
     *
     * @param mayRound whether operands may be rounded
     */
    static OneDnnRows of(@Nullable OneDnn dnn, KernelChoice choice, boolean mayRound) {
        if (dnn == null) {
            return NONE;
        }
        if (choice == KernelChoice.BATCH_INVARIANT) {
            return dnn.hasTiles() ? new OneDnnRows(1, 1, NEVER) : NONE;
        }
        int rounded = mayRound ? MIN_ROUNDED : NEVER;
        return dnn.hasTiles()
                ? new OneDnnRows(2, OneDnnDigits.MIN_ROWS, rounded)
                : new OneDnnRows(NEVER, NEVER, rounded);
    }

    /** For a process's first step: all that needs no Java kernel, whatever the compiled kernel's speed. */
    static OneDnnRows cold(@Nullable OneDnn dnn) {
        return dnn == null ? NONE : new OneDnnRows(1, dnn.hasTiles() ? 1 : NEVER, NEVER);
    }

    /** Whether {@code rows} rows of activations are rounded before they are multiplied with such a weight. */
    boolean rounds(int rows) {
        return rows >= rounded;
    }

    /** Whether exact products with such a weight go to oneDNN. */
    boolean exact(int rows, Weight w) {
        return rows >= (w instanceof AffineWeight ? digits : split);
    }
}
