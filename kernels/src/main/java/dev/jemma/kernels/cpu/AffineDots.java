package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * Dot products of affine rows with activations. With {@code w = scale q + bias} in each group,
 * {@code sum w x = sum_groups scale (sum q x) + bias (sum x)}: codes are multiplied as small integers in F32, a group's
 * scale once per vector, and the sums of x are the same for all rows.
 */
final class AffineDots {
    private static final int V = Lanes.BYTES;

    private AffineDots() {}

    /**
     * @param x in word order
     * @param scales of row r's group g at {@code r * cols / groupSize + g}, with a vector's room behind; {@code biases}
     *     alike
     * @param sums of x over each group, zero for a vector behind the last
     */
    static void rows(
            long out,
            long x,
            long sums,
            long codes,
            AffineShape shape,
            float[] scales,
            float[] biases,
            int cols,
            int rows) {
        int groups = cols / shape.groupSize();
        long rowBytes = (long) cols * shape.bits() / 8;
        for (int row = 0; row < rows; row++) {
            long from = codes + row * rowBytes;
            int first = row * groups;
            float sum = shape.bits() == 4
                    ? fourBits(x, from, shape, scales, first, cols)
                    : eightBits(x, from, shape, scales, first, cols);
            Memory.putF32(out + 4L * row, sum + biased(biases, first, sums, groups));
        }
    }

    private static float fourBits(long x, long codes, AffineShape shape, float[] scales, int firstGroup, int cols) {
        VectorShuffle<Float> spread = shape.spread();
        int blocks = cols / WordOrder.block(8);
        FloatVector sum = FloatVector.zero(Lanes.F);
        for (int block = 0; block < blocks; block++) {
            IntVector words = IntVector.fromMemorySegment(Lanes.I, ALL, codes + (long) block * V, LE);
            long at = x + 8L * V * block;
            FloatVector a = ((FloatVector) words.and(15).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE));
            FloatVector b = ((FloatVector) words.lanewise(VectorOperators.LSHR, 4)
                            .and(15)
                            .convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.F, ALL, at + V, LE));
            a = ((FloatVector) words.lanewise(VectorOperators.LSHR, 8)
                            .and(15)
                            .convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + 2L * V, LE), a);
            b = ((FloatVector) words.lanewise(VectorOperators.LSHR, 12)
                            .and(15)
                            .convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + 3L * V, LE), b);
            a = ((FloatVector) words.lanewise(VectorOperators.LSHR, 16)
                            .and(15)
                            .convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + 4L * V, LE), a);
            b = ((FloatVector) words.lanewise(VectorOperators.LSHR, 20)
                            .and(15)
                            .convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + 5L * V, LE), b);
            a = ((FloatVector) words.lanewise(VectorOperators.LSHR, 24)
                            .and(15)
                            .convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + 6L * V, LE), a);
            b = ((FloatVector) words.lanewise(VectorOperators.LSHR, 28).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + 7L * V, LE), b);
            int group = firstGroup + shape.groupOfBlock(block);
            sum = FloatVector.fromArray(Lanes.F, scales, group)
                    .rearrange(spread)
                    .fma(a.add(b), sum);
        }
        int done = blocks * WordOrder.block(8);
        return sum.reduceLanes(VectorOperators.ADD) + tail(x, codes, shape, scales, firstGroup, done, cols);
    }

    private static float eightBits(long x, long codes, AffineShape shape, float[] scales, int firstGroup, int cols) {
        VectorShuffle<Float> spread = shape.spread();
        int blocks = cols / WordOrder.block(4);
        FloatVector sum = FloatVector.zero(Lanes.F);
        for (int block = 0; block < blocks; block++) {
            IntVector words = IntVector.fromMemorySegment(Lanes.I, ALL, codes + (long) block * V, LE);
            long at = x + 4L * V * block;
            FloatVector a = ((FloatVector) words.and(255).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE));
            FloatVector b = ((FloatVector) words.lanewise(VectorOperators.LSHR, 8)
                            .and(255)
                            .convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .mul(FloatVector.fromMemorySegment(Lanes.F, ALL, at + V, LE));
            a = ((FloatVector) words.lanewise(VectorOperators.LSHR, 16)
                            .and(255)
                            .convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + 2L * V, LE), a);
            b = ((FloatVector) words.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + 3L * V, LE), b);
            int group = firstGroup + shape.groupOfBlock(block);
            sum = FloatVector.fromArray(Lanes.F, scales, group)
                    .rearrange(spread)
                    .fma(a.add(b), sum);
        }
        int done = blocks * WordOrder.block(4);
        return sum.reduceLanes(VectorOperators.ADD) + tail(x, codes, shape, scales, firstGroup, done, cols);
    }

    private static float tail(
            long x, long codes, AffineShape shape, float[] scales, int firstGroup, int from, int cols) {
        float sum = 0;
        for (int i = from; i < cols; i++) {
            sum += scales[firstGroup + i / shape.groupSize()] * (shape.code(codes, i) * Memory.f32(x + 4L * i));
        }
        return sum;
    }

    private static float biased(float[] biases, int first, long sums, int groups) {
        FloatVector sum = FloatVector.zero(Lanes.F);
        for (int g = 0; g < groups; g += Lanes.COUNT) {
            FloatVector x = FloatVector.fromMemorySegment(Lanes.F, ALL, sums + 4L * g, LE);
            sum = FloatVector.fromArray(Lanes.F, biases, first + g).fma(x, sum);
        }
        return sum.reduceLanes(VectorOperators.ADD);
    }
}
