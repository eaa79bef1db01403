package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Activations as {@link IntegerDots} wants them: {@code x = factor q} with a factor for each group of the weights and whole
 * numbers q of two or three digits, signed bytes: {@code q = 65536 high + 256 middle + low}. For every 64 bytes of codes lie
 * first all highest digits, then the next ones, of 4-bit codes each time those of even places before those of odd ones.
 * Behind these planes, the factors: one for each 32 bits of codes. 512-bit vectors only.
 */
final class IntegerActivations {
    /** The largest number of two digits. */
    private static final float LARGEST_OF_TWO = (127 << 8) + 127;

    /** The largest number of three digits that {@link #ROUND} takes. */
    private static final float LARGEST_OF_THREE = (63 << 16) + (127 << 8) + 127;

    /** Added to a float of less than 2^22, it leaves the nearest whole number in the last bits: 1.5 times 2^23. */
    private static final float ROUND = 0x1.8p23f;

    /** 128 in all bytes but the highest digit's, for two and for three digits. */
    private static final int HALVES_OF_TWO = 0x80;

    private static final int HALVES_OF_THREE = 0x8080;

    private static final int V = 64;

    /** Bytes of a block's numbers on their way. */
    private static final int NUMBERS = 4 * IntegerDotCode.BLOCK;

    private IntegerActivations() {}

    /** Planes that 64 bytes of codes are multiplied with. */
    static int planes(int digits, int bits) {
        return digits * 8 / bits;
    }

    /** Most bytes of the planes and factors of {@code cols} activations, and of a block on its way. */
    static long bytes(int cols) {
        return Math.ceilDiv(4L * cols, V) * V + V + NUMBERS;
    }

    /** Address of the factors of activations at {@code to}. */
    static long factors(long to, int cols) {
        return to + 3L * cols;
    }

    /**
     * @param sums gets each group's {@code factor (sum q)}, and zeros behind
     * @param cols whole blocks of {@link IntegerDotCode#BLOCK}
     */
    static void round(long to, long sums, long x, int cols, AffineShape shape, int digits) {
        int groupSize = shape.groupSize();
        int wordsPerGroup = groupSize / shape.perWord();
        long factors = factors(to, cols);
        long numbers = to + bytes(cols) - NUMBERS;
        for (int col = 0; col < cols; col += IntegerDotCode.BLOCK) {
            for (int in = 0; in < IntegerDotCode.BLOCK; in += groupSize) {
                int group = (col + in) / groupSize;
                float factor = group(numbers + 4L * in, sums + 4L * group, x + 4L * (col + in), groupSize, digits);
                fill(factors + 4L * wordsPerGroup * group, factor, wordsPerGroup);
            }
            long planes = to + (long) digits * col;
            if (shape.bits() == 4) {
                planesOfNibbles(planes, numbers, digits);
            } else {
                planesOfBytes(planes, numbers, digits);
            }
        }
        Memory.zero(sums + 4L * (cols / groupSize), V);
    }

    /**
     * One group. The lowest byte of q + 128, less 128, is q's low digit as a signed byte, and so on.
     *
     * @param numbers gets four bytes for each: its digits from the lowest on, and what means nothing
     * @return its factor
     */
    private static float group(long numbers, long sum, long x, int count, int digits) {
        float most = digits == 2 ? LARGEST_OF_TWO : LARGEST_OF_THREE;
        int halves = digits == 2 ? HALVES_OF_TWO : HALVES_OF_THREE;
        FloatVector largest = FloatVector.zero(Lanes.F);
        for (int i = 0; i < count; i += Lanes.COUNT) {
            largest = largest.max(
                    FloatVector.fromMemorySegment(Lanes.F, ALL, x + 4L * i, LE).abs());
        }
        float max = largest.reduceLanes(VectorOperators.MAX);
        float inverse = most / max;
        // Of numbers whose inverses are not finite nothing would be left, and of 0 there is nothing.
        boolean vanishes = inverse > Float.MAX_VALUE;
        float factor = vanishes ? 0 : max / most;
        FloatVector scale = FloatVector.broadcast(Lanes.F, vanishes ? 0 : inverse);
        IntVector total = IntVector.zero(Lanes.I);
        for (int i = 0; i < count; i += Lanes.COUNT) {
            IntVector q = FloatVector.fromMemorySegment(Lanes.F, ALL, x + 4L * i, LE)
                    .fma(scale, FloatVector.broadcast(Lanes.F, ROUND))
                    .reinterpretAsInts()
                    .sub(Float.floatToRawIntBits(ROUND));
            total = total.add(q);
            q.add(halves).lanewise(VectorOperators.XOR, halves).intoMemorySegment(ALL, numbers + 4L * i, LE);
        }
        ALL.set(Memory.F32, sum, factor * total.reduceLanes(VectorOperators.ADD));
        return factor;
    }

    /** Whole vectors: what is too much is overwritten by the next group, or lies in the padding. */
    private static void fill(long to, float value, int count) {
        FloatVector all = FloatVector.broadcast(Lanes.F, value);
        for (int i = 0; i < count; i += Lanes.COUNT) {
            all.intoMemorySegment(ALL, to + 4L * i, LE);
        }
    }

    /** A long of numbers is a pair of codes. */
    private static void planesOfNibbles(long to, long numbers, int digits) {
        for (int i = 0; i < 8; i++) {
            LongVector pairs = LongVector.fromMemorySegment(LongVector.SPECIES_512, ALL, numbers + (long) V * i, LE);
            long at = to + 8L * i;
            for (int plane = 0; plane < digits; plane++) {
                int shift = 8 * (digits - 1 - plane);
                bytes(pairs.lanewise(VectorOperators.LSHR, shift), at + 2L * V * plane);
                bytes(pairs.lanewise(VectorOperators.LSHR, 32 + shift), at + 2L * V * plane + V);
            }
        }
    }

    /** The lowest byte of each lane. */
    private static void bytes(LongVector v, long to) {
        ((ByteVector) v.convertShape(VectorOperators.L2B, ByteVector.SPECIES_64, 0)).intoMemorySegment(ALL, to, LE);
    }

    private static void planesOfBytes(long to, long numbers, int digits) {
        for (int i = 0; i < 8; i++) {
            IntVector codes = IntVector.fromMemorySegment(Lanes.I, ALL, numbers + (long) V * i, LE);
            long at = to + (long) digits * V * (i / 4) + 16L * (i % 4);
            for (int plane = 0; plane < digits; plane++) {
                ((ByteVector) codes.lanewise(VectorOperators.LSHR, 8 * (digits - 1 - plane))
                                .convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0))
                        .intoMemorySegment(ALL, at + (long) V * plane, LE);
            }
        }
    }
}
