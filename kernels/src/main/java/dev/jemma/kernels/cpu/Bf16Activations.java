package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Activations as {@link Bf16Dots} wants them: for every 64 bytes of weights a unit of one or two vectors of BF16 numbers,
 * of which the second are what rounding to the first has left. 512-bit vectors only.
 */
final class Bf16Activations {
    private static final int V = 64;

    private Bf16Activations() {}

    /** Bytes of a token's units. */
    static long bytes(int cols, int parts) {
        return 2L * cols * parts;
    }

    /**
     * Rounds a token's activations. Its units lie between those of other tokens.
     *
     * @param to its first unit, {@code stride} bytes before the next
     * @param cols whole blocks of {@link Bf16DotCode#BLOCK}
     */
    static void round(long to, int stride, long x, int cols, int parts) {
        long unit = to;
        for (int col = 0; col < cols; col += Bf16DotCode.BLOCK) {
            half(unit, x + 4L * col, parts);
            half(unit + V / 2, x + 4L * (col + Lanes.COUNT), parts);
            unit += stride;
        }
    }

    private static void half(long to, long x, int parts) {
        FloatVector rest = FloatVector.fromMemorySegment(Lanes.F, ALL, x, LE);
        for (int part = 0; part < parts; part++) {
            IntVector bits = rest.reinterpretAsInts();
            IntVector even = bits.lanewise(VectorOperators.LSHR, 16).and(1);
            IntVector rounded = bits.add(Bf16Panels.BELOW_HALF).add(even).and(Bf16Panels.HIGH_HALF);
            ((ShortVector) rounded.lanewise(VectorOperators.LSHR, 16).convertShape(VectorOperators.I2S, Lanes.S, 0))
                    .intoMemorySegment(ALL, to + (long) V * part, LE);
            rest = rest.sub(rounded.reinterpretAsFloats());
        }
    }
}
