package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Activations as {@link IntegerDots} wants them: {@code x = factor q} with a factor for each group of the weights and whole
 * numbers {@code q = 256 high + low} of signed bytes. For every 64 bytes of codes lie first all high bytes and then all low
 * ones, of 4-bit codes each time those of even places before those of odd ones. Behind the planes, the factors: one for
 * each 32 bits of codes. 512-bit vectors only.
 */
final class IntegerActivations {
    /** The largest whole number whose high byte is one: 127 times 256 and 127. */
    private static final float LARGEST = 127 * 256 + 127;

    /** Added to a small float and taken away from its bits, it leaves the nearest whole number: 1.5 times 2^23. */
    private static final float ROUND = 0x1.8p23f;

    private static final int V = 64;

    private IntegerActivations() {}

    /** Most bytes of the planes and factors of {@code cols} activations, and of a block on its way. */
    static long bytes(int cols) {
        return Math.ceilDiv(3L * cols, V) * V + V + 2 * IntegerDotCode.BLOCK;
    }

    /** Address of the factors of activations at {@code to}. */
    static long factors(long to, int cols) {
        return to + 2L * cols;
    }

    /**
     * @param sums gets each group's {@code factor (sum q)}, and zeros behind
     * @param cols whole blocks of {@link IntegerDotCode#BLOCK}
     */
    static void round(long to, long sums, long x, int cols, AffineShape shape) {
        int groupSize = shape.groupSize();
        int wordsPerGroup = groupSize / shape.perWord();
        long factors = factors(to, cols);
        // A block's 16-bit numbers, behind all factors.
        long block = to + bytes(cols) - 2 * IntegerDotCode.BLOCK;
        for (int col = 0; col < cols; col += IntegerDotCode.BLOCK) {
            for (int in = 0; in < IntegerDotCode.BLOCK; in += groupSize) {
                int group = (col + in) / groupSize;
                long at = factors + 4L * wordsPerGroup * group;
                group(block + 2L * in, at, sums + 4L * group, x + 4L * (col + in), groupSize, wordsPerGroup);
            }
            if (shape.bits() == 4) {
                planesOfNibbles(to + 2L * col, block);
            } else {
                planesOfBytes(to + 2L * col, block);
            }
        }
        Memory.zero(sums + 4L * (cols / groupSize), V);
    }

    /**
     * One group. The low byte of q + 128, less 128, is q's low byte as a signed one; the rest is its high byte.
     *
     * @param numbers gets 16 bits for each: high and low byte
     */
    private static void group(long numbers, long factors, long sum, long x, int count, int words) {
        FloatVector largest = FloatVector.zero(Lanes.F);
        for (int i = 0; i < count; i += Lanes.COUNT) {
            largest = largest.max(
                    FloatVector.fromMemorySegment(Lanes.F, ALL, x + 4L * i, LE).abs());
        }
        float max = largest.reduceLanes(VectorOperators.MAX);
        float inverse = LARGEST / max;
        // Of numbers whose inverses are not finite nothing would be left, and of 0 there is nothing.
        boolean vanishes = inverse > Float.MAX_VALUE;
        float factor = vanishes ? 0 : max / LARGEST;
        FloatVector scale = FloatVector.broadcast(Lanes.F, vanishes ? 0 : inverse);
        IntVector total = IntVector.zero(Lanes.I);
        for (int i = 0; i < count; i += Lanes.COUNT) {
            IntVector q = FloatVector.fromMemorySegment(Lanes.F, ALL, x + 4L * i, LE)
                    .fma(scale, FloatVector.broadcast(Lanes.F, ROUND))
                    .reinterpretAsInts()
                    .sub(Float.floatToRawIntBits(ROUND));
            total = total.add(q);
            ((ShortVector) q.add(128).lanewise(VectorOperators.XOR, 128).convertShape(VectorOperators.I2S, Lanes.S, 0))
                    .intoMemorySegment(ALL, numbers + 2L * i, LE);
        }
        ALL.set(Memory.F32, sum, factor * total.reduceLanes(VectorOperators.ADD));
        FloatVector all = FloatVector.broadcast(Lanes.F, factor);
        for (int i = 0; i < words; i += Lanes.COUNT) {
            all.intoMemorySegment(ALL, factors + 4L * i, LE);
        }
    }

    private static void planesOfNibbles(long to, long numbers) {
        for (int i = 0; i < 4; i++) {
            IntVector pairs = IntVector.fromMemorySegment(Lanes.I, ALL, numbers + (long) V * i, LE);
            long at = to + 16L * i;
            bytes(pairs.lanewise(VectorOperators.LSHR, 8), at);
            bytes(pairs.lanewise(VectorOperators.LSHR, 24), at + V);
            bytes(pairs, at + 2L * V);
            bytes(pairs.lanewise(VectorOperators.LSHR, 16), at + 3L * V);
        }
    }

    /** The lowest byte of each lane. */
    private static void bytes(IntVector v, long to) {
        ((ByteVector) v.convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0)).intoMemorySegment(ALL, to, LE);
    }

    private static void planesOfBytes(long to, long numbers) {
        for (int i = 0; i < 4; i++) {
            ShortVector q = ShortVector.fromMemorySegment(ShortVector.SPECIES_512, ALL, numbers + (long) V * i, LE);
            long at = to + 2L * V * (i / 2) + 32L * (i % 2);
            ((ByteVector) q.lanewise(VectorOperators.LSHR, 8)
                            .convertShape(VectorOperators.S2B, ByteVector.SPECIES_256, 0))
                    .intoMemorySegment(ALL, at, LE);
            ((ByteVector) q.convertShape(VectorOperators.S2B, ByteVector.SPECIES_256, 0))
                    .intoMemorySegment(ALL, at + V, LE);
        }
    }
}
