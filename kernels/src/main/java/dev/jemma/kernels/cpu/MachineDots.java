package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.onednn.OneDnn;
import org.jspecify.annotations.Nullable;

/**
 * Which products of few rows a stream computes with machine code of Jemma's own: null for none.
 *
 * @param integers of quantized weights
 * @param bf16 of BF16 weights
 * @param floats of F16 and F32 weights, and of BF16 weights where {@code bf16} is not for them
 * @param tiles whether more than one row of BF16 weights, or {@link #MOST_ROWS_BESIDE_TILES} of others, are for AMX
 * @param invariant whether a kind of weight goes one way, whatever the number of rows
 */
record MachineDots(
        @Nullable IntegerDots integers,
        @Nullable Bf16Dots bf16,
        @Nullable FloatDots floats,
        boolean tiles,
        boolean invariant) {
    static final MachineDots NONE = new MachineDots(null, null, null, false, false);

    /** AMX makes 16 rows 1.4 times as fast, and takes as long for 8 (Xeon). */
    private static final int MOST_ROWS_BESIDE_TILES = 3 * FourRowsCode.MAX_TOKENS;

    /**
     * @param mayRound false for products in F32 by Java alone
     * @param routes whether the model has experts, whose choice hangs on differences that rounding can turn round
     * @param dnn multiplies more rows, rounded to BF16; null where nothing is. Its AMX tiles are faster from two rows on,
     *     and its exact products with them are batch-invariant
     */
    static MachineDots of(KernelChoice choice, boolean mayRound, boolean routes, @Nullable OneDnn dnn) {
        if (!mayRound) {
            return NONE;
        }
        boolean tiles = dnn != null && dnn.hasTiles();
        boolean invariant = choice == KernelChoice.BATCH_INVARIANT;
        return new MachineDots(
                invariant && tiles ? null : IntegerDots.of(!routes),
                dnn == null || tiles || routes ? null : Bf16Dots.of(invariant),
                FloatDots.ofWeights(),
                tiles,
                invariant);
    }

    /** What multiplies {@code rows} rows of activations with such a weight; null for none of these. */
    @Nullable
    GroupedDots of(int rows, Weight w) {
        GroupedDots dots = switch (w) {
            case AffineWeight affine ->
                invariant || rows <= (tiles ? MOST_ROWS_BESIDE_TILES : TokenGroups.MAX) ? integers : null;
            case DenseWeight dense when dense.dtype() == DType.BF16 -> ofBf16(rows);
            case DenseWeight dense -> invariant || rows <= TokenGroups.MAX ? floats : null;
        };
        return dots != null && dots.takes(w) ? dots : null;
    }

    private @Nullable GroupedDots ofBf16(int rows) {
        if (invariant) {
            return bf16;
        }
        if (bf16 != null && rows >= Bf16Dots.MIN) {
            return rows <= TokenGroups.MAX ? bf16 : null;
        }
        return rows <= (tiles ? 1 : TokenGroups.MAX) ? floats : null;
    }
}
