package dev.jemma.kernels.cpu;

import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.onednn.OneDnn;
import org.jspecify.annotations.Nullable;

/**
 * Which products of few rows a stream computes with machine code of Jemma's own: null for none.
 *
 * @param integers of quantized weights
 * @param bf16 of BF16 weights
 */
record MachineDots(@Nullable IntegerDots integers, @Nullable Bf16Dots bf16) {
    static final MachineDots NONE = new MachineDots(null, null);

    /**
     * @param mayRound whether activations may be rounded where that is faster
     * @param routes whether the model has experts, whose choice hangs on differences that rounding can turn round
     * @param dnn multiplies more rows, rounded to BF16; null where nothing is. Its AMX tiles are faster from two rows on,
     *     and its exact products with them are batch-invariant
     */
    static MachineDots of(KernelChoice choice, boolean mayRound, boolean routes, @Nullable OneDnn dnn) {
        boolean tiles = dnn != null && dnn.hasTiles();
        boolean invariant = choice == KernelChoice.BATCH_INVARIANT;
        if (!mayRound || (invariant && tiles)) {
            return NONE;
        }
        return new MachineDots(IntegerDots.of(!routes), dnn == null || tiles || routes ? null : Bf16Dots.of(invariant));
    }
}
