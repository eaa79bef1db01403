package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * What {@link OneDnnGroups} does itself: affine codes as BF16 numbers, and sums of products of groups. Written for the
 * 512-bit vectors that every processor with matrix units has.
 */
final class GroupKernels {
    /** Codes that are unpacked at a time: a vector of BF16 numbers. */
    static final int CODES = 32;

    private static final int V = 64;
    private static final int LANES = 16;
    private static final int HIGH_HALF = 0xffff_0000;

    private GroupKernels() {}

    /**
     * Codes in plain order, each group {@code copies} times in a row. Two neighbours come from one 16-bit or 8-bit unit
     * of codes; as floats, whose lower halves are zero, they are joined to one word.
     */
    static void unpack(long out, long codes, int cols, int groupSize, int bits, int copies) {
        long to = out;
        for (int col = 0; col < cols; col += groupSize) {
            for (int i = 0; i < groupSize; i += CODES) {
                long from = codes + (long) (col + i) * bits / 8;
                if (bits == 8) {
                    eightBits(to + 2L * i, from, 2L * groupSize, copies);
                } else {
                    fourBits(to + 2L * i, from, 2L * groupSize, copies);
                }
            }
            to += 2L * groupSize * copies;
        }
    }

    private static void eightBits(long to, long from, long step, int copies) {
        IntVector pairs = (IntVector) ShortVector.fromMemorySegment(ShortVector.SPECIES_256, ALL, from, LE)
                .convertShape(VectorOperators.ZERO_EXTEND_S2I, IntVector.SPECIES_512, 0);
        IntVector even = ((FloatVector) pairs.and(255).convertShape(VectorOperators.I2F, FloatVector.SPECIES_512, 0))
                .reinterpretAsInts();
        IntVector odd = ((FloatVector) pairs.lanewise(VectorOperators.LSHR, 8)
                        .convertShape(VectorOperators.I2F, FloatVector.SPECIES_512, 0))
                .reinterpretAsInts();
        IntVector joined = even.lanewise(VectorOperators.LSHR, 16).or(odd.and(HIGH_HALF));
        for (int copy = 0; copy < copies; copy++) {
            joined.intoMemorySegment(ALL, to + copy * step, LE);
        }
    }

    private static void fourBits(long to, long from, long step, int copies) {
        IntVector pairs = (IntVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_128, ALL, from, LE)
                .convertShape(VectorOperators.ZERO_EXTEND_B2I, IntVector.SPECIES_512, 0);
        IntVector even = ((FloatVector) pairs.and(15).convertShape(VectorOperators.I2F, FloatVector.SPECIES_512, 0))
                .reinterpretAsInts();
        IntVector odd = ((FloatVector) pairs.lanewise(VectorOperators.LSHR, 4)
                        .convertShape(VectorOperators.I2F, FloatVector.SPECIES_512, 0))
                .reinterpretAsInts();
        IntVector joined = even.lanewise(VectorOperators.LSHR, 16).or(odd.and(HIGH_HALF));
        for (int copy = 0; copy < copies; copy++) {
            joined.intoMemorySegment(ALL, to + copy * step, LE);
        }
    }

    /** {@code out[g * step]} = sum of the g-th group of {@code x}; step in bytes. */
    static void sums(long out, long step, long x, int cols, int groupSize) {
        long to = out;
        for (int col = 0; col < cols; col += groupSize) {
            FloatVector sum = FloatVector.zero(FloatVector.SPECIES_512);
            for (int i = 0; i < groupSize; i += LANES) {
                sum = sum.add(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, x + 4L * (col + i), LE));
            }
            Memory.putF32(to, sum.reduceLanes(VectorOperators.ADD));
            to += step;
        }
    }

    /**
     * {@code out[r, t] = sum_g scales[r, g] * products[g, r, t] + biases[r, g] * sums[g, t]} for a vector's width or
     * four of them.
     *
     * @param width a multiple of 16; products are {@code [groups, rows, width]} and {@code out} is {@code [rows, width]}
     * @param sums {@code [groups, OneDnnProducts.BLOCK]}
     */
    static void combine(
            long out, long products, int rows, int width, int groups, float[] scales, float[] biases, long sums) {
        long groupStep = 4L * rows * width;
        for (int row = 0; row < rows; row++) {
            for (int t = 0; t < width; ) {
                long at = 4L * (row * width + t);
                if (width - t >= 4 * LANES) {
                    four(out + at, products + at, groupStep, row * groups, groups, scales, biases, sums + 4L * t);
                    t += 4 * LANES;
                } else {
                    one(out + at, products + at, groupStep, row * groups, groups, scales, biases, sums + 4L * t);
                    t += LANES;
                }
            }
        }
    }

    private static void four(
            long out, long products, long step, int first, int groups, float[] scales, float[] biases, long sums) {
        FloatVector a = FloatVector.zero(FloatVector.SPECIES_512);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        for (int g = 0; g < groups; g++) {
            FloatVector scale = FloatVector.broadcast(FloatVector.SPECIES_512, scales[first + g]);
            FloatVector bias = FloatVector.broadcast(FloatVector.SPECIES_512, biases[first + g]);
            long p = products + g * step;
            long s = sums + 4L * OneDnnProducts.BLOCK * g;
            a = scale.fma(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, p, LE), a);
            b = scale.fma(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, p + V, LE), b);
            c = scale.fma(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, p + 2 * V, LE), c);
            d = scale.fma(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, p + 3 * V, LE), d);
            a = bias.fma(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, s, LE), a);
            b = bias.fma(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, s + V, LE), b);
            c = bias.fma(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, s + 2 * V, LE), c);
            d = bias.fma(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, s + 3 * V, LE), d);
        }
        a.intoMemorySegment(ALL, out, LE);
        b.intoMemorySegment(ALL, out + V, LE);
        c.intoMemorySegment(ALL, out + 2 * V, LE);
        d.intoMemorySegment(ALL, out + 3 * V, LE);
    }

    private static void one(
            long out, long products, long step, int first, int groups, float[] scales, float[] biases, long sums) {
        FloatVector a = FloatVector.zero(FloatVector.SPECIES_512);
        for (int g = 0; g < groups; g++) {
            FloatVector scale = FloatVector.broadcast(FloatVector.SPECIES_512, scales[first + g]);
            FloatVector bias = FloatVector.broadcast(FloatVector.SPECIES_512, biases[first + g]);
            long s = sums + 4L * OneDnnProducts.BLOCK * g;
            a = scale.fma(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, products + g * step, LE), a);
            a = bias.fma(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, s, LE), a);
        }
        a.intoMemorySegment(ALL, out, LE);
    }
}
