package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.FloatVector;

/**
 * Dot products of affine rows with activations. With {@code w = scale q + bias} in each group,
 * {@code sum w x = sum_groups scale (sum q x) + bias (sum x)}: codes are multiplied as small integers in F32, a group's
 * scale once per vector, and the sums of x are the same for all rows.
 *
 * <p>A code is taken where it lies in its word or near it, so that the number made of it is a power of two too large or
 * too small; {@link #prepare} multiplies the activations by the inverse.
 */
final class AffineDots {
    /** 4-bit codes: {@link AffineKernels#fourBitsMerged} instead of {@link AffineKernels#fourBits}. */
    private static final boolean MERGED = Lanes.BYTES == 64;

    private AffineDots() {}

    /**
     * Scales activations in word order by what their codes' places in the words are worth, and sums them by groups.
     *
     * @param to in word order
     * @param sums gets the sum of each group and zeros behind them, then {@link #minusOnes}
     * @param x in plain order
     */
    static void prepare(long to, long sums, long x, int cols, AffineShape shape) {
        int perWord = shape.perWord();
        int blocks = cols / WordOrder.block(perWord);
        int groups = cols / shape.groupSize();
        long minusOnes = minusOnes(sums, groups);
        for (int block = 0; block < blocks; block++) {
            long at = to + (long) Lanes.BYTES * block * perWord;
            if (shape.bits() == 4 && MERGED) {
                mergePairs(at, minusOnes + (long) Lanes.BYTES * block);
            } else {
                scale(at, shape);
            }
        }
        sumGroups(sums, x, groups, shape.groupSize());
    }

    /** One block for {@link AffineKernels#fourBitsMerged}. */
    private static void mergePairs(long at, long minusOnes) {
        FloatVector minus = FloatVector.zero(Lanes.F);
        for (int n = 0; n < 8; n += 2) {
            long pair = at + (long) Lanes.BYTES * n;
            FloatVector even =
                    FloatVector.fromMemorySegment(Lanes.F, ALL, pair, LE).mul(256);
            FloatVector odd = FloatVector.fromMemorySegment(Lanes.F, ALL, pair + Lanes.BYTES, LE)
                    .mul(16);
            even.sub(odd).intoMemorySegment(ALL, pair, LE);
            odd.intoMemorySegment(ALL, pair + Lanes.BYTES, LE);
            minus = minus.sub(even);
        }
        minus.intoMemorySegment(ALL, minusOnes, LE);
    }

    /** One block for the other kernels; the highest code is shifted down, as its mask would leave a negative integer. */
    private static void scale(long at, AffineShape shape) {
        for (int n = 1; n < shape.perWord() - 1; n++) {
            long place = at + (long) Lanes.BYTES * n;
            FloatVector.fromMemorySegment(Lanes.F, ALL, place, LE)
                    .mul(1f / (1 << (n * shape.bits())))
                    .intoMemorySegment(ALL, place, LE);
        }
    }

    private static void sumGroups(long sums, long x, int groups, int groupSize) {
        for (int group = 0; group < groups; group++) {
            long from = x + 4L * group * groupSize;
            float s0 = 0;
            float s1 = 0;
            float s2 = 0;
            float s3 = 0;
            for (int i = 0; i < groupSize; i += 4) {
                s0 += Memory.f32(from + 4L * i);
                s1 += Memory.f32(from + 4L * i + 4);
                s2 += Memory.f32(from + 4L * i + 8);
                s3 += Memory.f32(from + 4L * i + 12);
            }
            Memory.putF32(sums + 4L * group, (s0 + s1) + (s2 + s3));
        }
        Memory.zero(sums + 4L * groups, Lanes.BYTES);
    }

    /** Address of what {@link AffineKernels#fourBitsMerged} begins each block's sums with, a vector for each. */
    static long minusOnes(long sums, int groups) {
        return sums + 4L * groups + Lanes.BYTES;
    }

    /** Most bytes of the sums and {@link #minusOnes} of {@code cols} activations. */
    static long sumsBytes(int cols) {
        return 4L * (cols / 32) + Lanes.BYTES + 4L * (cols / 4);
    }

    /**
     * @param x in word order, prepared
     * @param scales of row r's group g at {@code r * cols / groupSize + g}, with a vector's room behind; {@code biases}
     *     alike
     * @param sums as {@link #prepare} leaves them
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
        int row = 0;
        while (rows - row >= 4) {
            int quarter = Streams.quarter(rows - row, rowBytes);
            for (int i = 0; i < quarter; i++) {
                int at = row + Streams.row(i, quarter);
                four(out, x, sums, codes, rowBytes, shape, scales, biases, groups, cols, at, quarter);
            }
            row += 4 * quarter;
        }
        // The last few each as four times the same row.
        for (; row < rows; row++) {
            four(out, x, sums, codes, rowBytes, shape, scales, biases, groups, cols, row, 0);
        }
        int done = WordOrder.blocked(cols, shape.perWord());
        for (row = 0; done < cols && row < rows; row++) {
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
        long next = 4L * apart;
        long from = codes + row * rowBytes;
        long bytesApart = apart * rowBytes;
        int first = row * groups;
        int scalesApart = apart * groups;
        if (shape.bits() == 8) {
            AffineKernels.eightBits(
                    to, next, x, sums, from, bytesApart, shape, scales, biases, first, scalesApart, cols);
        } else if (MERGED) {
            AffineKernels.fourBitsMerged(
                    to, next, x, sums, from, bytesApart, shape, scales, biases, first, scalesApart, cols);
        } else {
            AffineKernels.fourBits(
                    to, next, x, sums, from, bytesApart, shape, scales, biases, first, scalesApart, cols);
        }
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
