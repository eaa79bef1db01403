package dev.jemma.kernels.doctor;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.Tensor;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * One op on small random operands.
 *
 * @param tolerance largest difference, relative to the largest value of the reference's result
 * @param setUp draws the operands
 */
record OpCase(String name, double tolerance, Function<OpInputs, Encoded> setUp) {
    /**
     * Sums in F32 in any order: the error of a sum of n products stays below n 2^-24 times the sum of magnitudes, which
     * for the n of at most 512 here, and random signs, is 2^-12 of the largest result with room to spare. A wrong index,
     * stride, mask or constant changes results by their own size.
     */
    static final double SUMS = 0x1p-12;

    /** Values that went through the F16 cache may have been rounded to a neighbour: 2^-11 each, and a sum of them. */
    static final double THROUGH_CACHE = 0x1p-9;

    /** Ids, and values that are moved only. */
    static final double EXACT = 0;

    /**
     * The same on a device that rounds operands: each product of two is off by up to twice the rounding, and twice that
     * again where two sums are multiplied (gate and up).
     */
    double tolerance(double operandRounding) {
        return tolerance == EXACT ? EXACT : Math.max(tolerance, 4 * operandRounding);
    }

    /** What to encode, and which tensors then hold the result. */
    record Encoded(Consumer<Commands> ops, List<Tensor> results) {
        Encoded(Consumer<Commands> ops, Tensor... results) {
            this(ops, List.of(results));
        }
    }
}
