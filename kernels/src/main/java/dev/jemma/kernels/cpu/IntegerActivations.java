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
 * numbers q of two or three digits, signed bytes: {@code q = 65536 high + 256 middle + low}. For every 64 bytes of codes
 * there is a unit: planes of digits, first all highest ones, then the next, of 4-bit codes each time those of even places
 * before those of odd ones; then the factors, one for each 32 bits of codes. 512-bit vectors only.
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
    static final int NUMBERS = 4 * IntegerDotCode.BLOCK;

    private IntegerActivations() {}

    /** Planes that 64 bytes of codes are multiplied with. */
    static int planes(int digits, int bits) {
        return digits * 8 / bits;
    }

    /** Bytes of the planes and factors for 64 bytes of codes. */
    static int unit(int digits, int bits) {
        return V * (planes(digits, bits) + 1);
    }

    /** Most bytes of a token's units. */
    static long bytes(int cols) {
        return 4L * Math.ceilDiv(cols, IntegerDotCode.BLOCK) * IntegerDotCode.BLOCK;
    }

    /** Bytes of a token's sums. */
    static long sumsBytes(int groups) {
        return (groups / Lanes.COUNT + 1L) * V;
    }

    /**
     * Rounds a token's activations. Its units lie between those of other tokens.
     *
     * @param to its first unit, {@code stride} bytes before the next
     * @param sums gets each group's {@code factor (sum q)} and zeros behind, a vector of them every {@code sumsStride} bytes
     * @param cols whole blocks of {@link IntegerDotCode#BLOCK}
     * @param numbers {@link #NUMBERS} bytes
     */
    static void round(
            long to,
            int stride,
            long sums,
            int sumsStride,
            long x,
            int cols,
            AffineShape shape,
            int digits,
            long numbers) {
        int groupSize = shape.groupSize();
        int words = groupSize / shape.perWord();
        int planeBytes = V * planes(digits, shape.bits());
        int groups = cols / groupSize;
        Memory.zero(sums + (long) sumsStride * (groups / Lanes.COUNT), V);
        long unit = to;
        for (int col = 0; col < cols; col += IntegerDotCode.BLOCK) {
            for (int in = 0; in < IntegerDotCode.BLOCK; in += groupSize) {
                int group = (col + in) / groupSize;
                long sum = sums + (long) sumsStride * (group / Lanes.COUNT) + 4L * (group % Lanes.COUNT);
                float factor = group(numbers + 4L * in, sum, x + 4L * (col + in), groupSize, digits);
                int word = in / shape.perWord();
                long at = unit + (long) stride * (word / Lanes.COUNT) + planeBytes + 4L * (word % Lanes.COUNT);
                fill(at, stride, factor, words);
            }
            if (shape.bits() == 4) {
                planesOfNibbles(unit, numbers, digits);
                unit += stride;
            } else {
                planesOfBytes(unit, stride, numbers, digits);
                unit += 2L * stride;
            }
        }
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
        // Floats without sign are ordered as integers are, whose maximum is one instruction; that of floats is five.
        IntVector largest = IntVector.zero(Lanes.I);
        for (int i = 0; i < count; i += Lanes.COUNT) {
            largest = largest.max(
                    IntVector.fromMemorySegment(Lanes.I, ALL, x + 4L * i, LE).and(Integer.MAX_VALUE));
        }
        float max = Float.intBitsToFloat(largest.reduceLanes(VectorOperators.MAX));
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

    /** A vector or less, or several whole ones {@code stride} bytes apart. */
    private static void fill(long to, int stride, float value, int count) {
        if (count < Lanes.COUNT) {
            for (int i = 0; i < count; i++) {
                Memory.putF32(to + 4L * i, value);
            }
            return;
        }
        FloatVector all = FloatVector.broadcast(Lanes.F, value);
        for (int i = 0; i < count; i += Lanes.COUNT) {
            all.intoMemorySegment(ALL, to + (long) stride * (i / Lanes.COUNT), LE);
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

    private static void planesOfBytes(long to, int stride, long numbers, int digits) {
        for (int i = 0; i < 8; i++) {
            IntVector codes = IntVector.fromMemorySegment(Lanes.I, ALL, numbers + (long) V * i, LE);
            long at = to + (long) stride * (i / 4) + 16L * (i % 4);
            for (int plane = 0; plane < digits; plane++) {
                ((ByteVector) codes.lanewise(VectorOperators.LSHR, 8 * (digits - 1 - plane))
                                .convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0))
                        .intoMemorySegment(ALL, at + (long) V * plane, LE);
            }
        }
    }
}
