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
 * @param mostIntegerRows activations up to which these are faster than what there is besides
 * @param bf16 of BF16 weights
 * @param floats of F16 and F32 weights
 * @param invariant whether a kind of weight goes one way, whatever the number of rows
 */
record MachineDots(
        @Nullable IntegerDots integers,
        int mostIntegerRows,
        @Nullable Bf16Dots bf16,
        @Nullable FloatDots floats,
        boolean invariant) {
    static final MachineDots NONE = new MachineDots(null, 0, null, null, false);

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
                tiles ? MOST_ROWS_BESIDE_TILES : TokenGroups.MAX,
                dnn == null || tiles || routes ? null : Bf16Dots.of(invariant),
                FloatDots.ofWeights(),
                invariant);
    }

    /** What multiplies {@code rows} rows of activations with such a weight; null for none of these. */
    @Nullable
    GroupedDots of(int rows, Weight w) {
        GroupedDots dots = switch (w) {
            case AffineWeight affine -> invariant || rows <= mostIntegerRows ? integers : null;
            case DenseWeight dense
            when dense.dtype() == DType.BF16 ->
                invariant || (rows >= Bf16Dots.MIN && rows <= TokenGroups.MAX) ? bf16 : null;
            case DenseWeight dense -> invariant || rows <= TokenGroups.MAX ? floats : null;
        };
        return dots != null && dots.takes(w) ? dots : null;
    }
}
