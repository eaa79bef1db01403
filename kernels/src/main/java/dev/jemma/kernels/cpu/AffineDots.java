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
 *
 * <p>A code is masked where it lies in its word and not shifted down, so that its integer is too large by a power of two;
 * {@link #prepare} makes the activations smaller by the same. The highest code is shifted, as its mask would leave a
 * negative integer.
 *
 * <p>Four rows at once, in the order of {@link Streams}.
 */
final class AffineDots {
    private static final int V = Lanes.BYTES;

    private AffineDots() {}

    /** Divides activations in word order by what their codes' places in the words are worth. */
    static void prepare(long x, int cols, int bits) {
        int perWord = 32 / bits;
        int blocks = cols / WordOrder.block(perWord);
        for (int block = 0; block < blocks; block++) {
            for (int n = 1; n < perWord - 1; n++) {
                long at = x + (long) V * (block * perWord + n);
                RowKernels.scale(at, at, Lanes.COUNT, 1f / (1 << (n * bits)));
            }
        }
    }

    /**
     * @param x in word order, prepared
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
        int quarter = rows / 4;
        for (int i = 0; i < quarter; i++) {
            int row = Streams.row(i, quarter);
            four(out, x, sums, codes, rowBytes, shape, scales, biases, groups, cols, row, quarter);
        }
        // The last few each as four times the same row.
        for (int row = 4 * quarter; row < rows; row++) {
            four(out, x, sums, codes, rowBytes, shape, scales, biases, groups, cols, row, 0);
        }
        int done = WordOrder.blocked(cols, shape.perWord());
        for (int row = 0; done < cols && row < rows; row++) {
            long at = out + 4L * row;
            float rest = tail(x, codes + row * rowBytes, shape, scales, row * groups, done, cols);
            Memory.putF32(at, Memory.f32(at) + rest);
        }
    }

    /** Rows {@code row}, {@code row + apart} and so on. */
    private static void four(
            long out,
            long x,
            long sums,
            long codes,
            long rowBytes,
            AffineShape shape,
            float[] scales,
            float[] biases,
            int groups,
            int cols,
            int row,
            int apart) {
        long to = out + 4L * row;
        long from = codes + row * rowBytes;
        long bytesApart = apart * rowBytes;
        int first = row * groups;
        int scalesApart = apart * groups;
        if (shape.bits() == 4) {
            fourBits(to, 4L * apart, x, sums, from, bytesApart, shape, scales, biases, first, scalesApart, cols);
        } else {
            eightBits(to, 4L * apart, x, sums, from, bytesApart, shape, scales, biases, first, scalesApart, cols);
        }
    }

    private static void fourBits(
            long out,
            long next,
            long x,
            long sums,
            long codes,
            long apart,
            AffineShape shape,
            float[] scales,
            float[] biases,
            int first,
            int scalesApart,
            int cols) {
        VectorShuffle<Float> spread = shape.spread();
        int blocks = cols / WordOrder.block(8);
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int block = 0; block < blocks; block++) {
            long from = codes + (long) block * V;
            IntVector w0 = IntVector.fromMemorySegment(Lanes.I, ALL, from, LE);
            IntVector w1 = IntVector.fromMemorySegment(Lanes.I, ALL, from + apart, LE);
            IntVector w2 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 2 * apart, LE);
            IntVector w3 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 3 * apart, LE);
            long at = x + 8L * V * block;
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE);
            FloatVector a0 = ((FloatVector) w0.and(0xf).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a1 = ((FloatVector) w1.and(0xf).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a2 = ((FloatVector) w2.and(0xf).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a3 = ((FloatVector) w3.and(0xf).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + V, LE);
            a0 = ((FloatVector) w0.and(0xf0).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf0).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf0).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf0).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 2L * V, LE);
            a0 = ((FloatVector) w0.and(0xf00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 3L * V, LE);
            a0 = ((FloatVector) w0.and(0xf000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 4L * V, LE);
            a0 = ((FloatVector) w0.and(0xf0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 5L * V, LE);
            a0 = ((FloatVector) w0.and(0xf00000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf00000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf00000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf00000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 6L * V, LE);
            a0 = ((FloatVector) w0.and(0xf000000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf000000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf000000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf000000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 7L * V, LE);
            a0 = ((FloatVector) w0.lanewise(VectorOperators.LSHR, 28).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a0);
            a1 = ((FloatVector) w1.lanewise(VectorOperators.LSHR, 28).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a1);
            a2 = ((FloatVector) w2.lanewise(VectorOperators.LSHR, 28).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a2);
            a3 = ((FloatVector) w3.lanewise(VectorOperators.LSHR, 28).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a3);
            int group = first + shape.groupOfBlock(block);
            s0 = FloatVector.fromArray(Lanes.F, scales, group).rearrange(spread).fma(a0, s0);
            s1 = FloatVector.fromArray(Lanes.F, scales, group + scalesApart)
                    .rearrange(spread)
                    .fma(a1, s1);
            s2 = FloatVector.fromArray(Lanes.F, scales, group + 2 * scalesApart)
                    .rearrange(spread)
                    .fma(a2, s2);
            s3 = FloatVector.fromArray(Lanes.F, scales, group + 3 * scalesApart)
                    .rearrange(spread)
                    .fma(a3, s3);
        }
        for (int g = 0; g < cols / shape.groupSize(); g += Lanes.COUNT) {
            int group = first + g;
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, sums + 4L * g, LE);
            s0 = FloatVector.fromArray(Lanes.F, biases, group).fma(y, s0);
            s1 = FloatVector.fromArray(Lanes.F, biases, group + scalesApart).fma(y, s1);
            s2 = FloatVector.fromArray(Lanes.F, biases, group + 2 * scalesApart).fma(y, s2);
            s3 = FloatVector.fromArray(Lanes.F, biases, group + 3 * scalesApart).fma(y, s3);
        }
        Memory.putF32(out, s0.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + next, s1.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + 2 * next, s2.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + 3 * next, s3.reduceLanes(VectorOperators.ADD));
    }

    private static void eightBits(
            long out,
            long next,
            long x,
            long sums,
            long codes,
            long apart,
            AffineShape shape,
            float[] scales,
            float[] biases,
            int first,
            int scalesApart,
            int cols) {
        VectorShuffle<Float> spread = shape.spread();
        int blocks = cols / WordOrder.block(4);
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int block = 0; block < blocks; block++) {
            long from = codes + (long) block * V;
            IntVector w0 = IntVector.fromMemorySegment(Lanes.I, ALL, from, LE);
            IntVector w1 = IntVector.fromMemorySegment(Lanes.I, ALL, from + apart, LE);
            IntVector w2 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 2 * apart, LE);
            IntVector w3 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 3 * apart, LE);
            long at = x + 4L * V * block;
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE);
            FloatVector a0 = ((FloatVector) w0.and(0xff).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a1 = ((FloatVector) w1.and(0xff).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a2 = ((FloatVector) w2.and(0xff).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a3 = ((FloatVector) w3.and(0xff).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + V, LE);
            a0 = ((FloatVector) w0.and(0xff00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xff00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xff00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xff00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 2L * V, LE);
            a0 = ((FloatVector) w0.and(0xff0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xff0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xff0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xff0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 3L * V, LE);
            a0 = ((FloatVector) w0.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a0);
            a1 = ((FloatVector) w1.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a1);
            a2 = ((FloatVector) w2.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a2);
            a3 = ((FloatVector) w3.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a3);
            int group = first + shape.groupOfBlock(block);
            s0 = FloatVector.fromArray(Lanes.F, scales, group).rearrange(spread).fma(a0, s0);
            s1 = FloatVector.fromArray(Lanes.F, scales, group + scalesApart)
                    .rearrange(spread)
                    .fma(a1, s1);
            s2 = FloatVector.fromArray(Lanes.F, scales, group + 2 * scalesApart)
                    .rearrange(spread)
                    .fma(a2, s2);
            s3 = FloatVector.fromArray(Lanes.F, scales, group + 3 * scalesApart)
                    .rearrange(spread)
                    .fma(a3, s3);
        }
        for (int g = 0; g < cols / shape.groupSize(); g += Lanes.COUNT) {
            int group = first + g;
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, sums + 4L * g, LE);
            s0 = FloatVector.fromArray(Lanes.F, biases, group).fma(y, s0);
            s1 = FloatVector.fromArray(Lanes.F, biases, group + scalesApart).fma(y, s1);
            s2 = FloatVector.fromArray(Lanes.F, biases, group + 2 * scalesApart).fma(y, s2);
            s3 = FloatVector.fromArray(Lanes.F, biases, group + 3 * scalesApart).fma(y, s3);
        }
        Memory.putF32(out, s0.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + next, s1.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + 2 * next, s2.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + 3 * next, s3.reduceLanes(VectorOperators.ADD));
    }

    private static float tail(
            long x, long codes, AffineShape shape, float[] scales, int firstGroup, int from, int cols) {
        float sum = 0;
        for (int i = from; i < cols; i++) {
            sum += scales[firstGroup + i / shape.groupSize()] * (shape.code(codes, i) * Memory.f32(x + 4L * i));
        }
        return sum;
    }
}
