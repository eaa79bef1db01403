package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * What {@link OneDnnDigits} does itself: numbers as three signed digits to the base 256, and products of digits as
 * floats. Written for the 512-bit vectors that every processor with matrix units has.
 *
 * <p>A number is multiplied until it is an integer of at most {@link #LARGEST}, which {@link #MAGIC} leaves in the lower
 * bits of a float when added. Of its double (all bits that three digits have) each of the lower two bytes gets 128
 * added, with carry, and taken off again, without; then the three bytes are signed digits: {@code 2 v = 65536 d0 +
 * 256 d1 + d2}.
 */
final class DigitKernels {
    /** Digits of a number. */
    static final int DIGITS = 3;

    /** Columns of 4-bit codes that are unpacked at a time, and what stretches of columns are padded to. */
    static final int COLS = 128;

    /** The largest whose double has a first digit of 127, less room for what rounding adds. */
    static final float LARGEST = 255 * (1 << 14) - 128;

    /** Numbers all smaller than this count as zeros: they could not be multiplied so much. */
    static final float SMALLEST = 0x1p-100f;

    /** Bytes from one digit's table to the next: 16 for every group that a stretch can have, and a vector's room. */
    static final int TABLE = 1088;

    private static final float MAGIC = 0x1.8p23f;
    private static final int HALVES = 0x8080;
    private static final int SHIFT = HALVES - 2 * Float.floatToRawIntBits(MAGIC);
    private static final int LANES = 16;
    private static final int V = 64;
    private static final byte LOW = 15;

    /** For groups of 32, 64 and 128: where the table of each byte's group begins, 64 bytes each. */
    private static final byte[] TABLE_OF_BYTE = new byte[DIGITS * V];

    static {
        for (int i = 0; i < TABLE_OF_BYTE.length; i++) {
            TABLE_OF_BYTE[i] = (byte) (LANES * (i % V * 2 / (32 << (i / V))));
        }
    }

    private DigitKernels() {}

    /** No weight of a row with these groups is larger, and hardly ever all are smaller. */
    static float largest(float[] scales, float[] biases, int first, int groups, int maxCode) {
        FloatVector most = FloatVector.zero(FloatVector.SPECIES_512);
        int whole = groups - groups % LANES;
        for (int g = 0; g < whole; g += LANES) {
            FloatVector bias = FloatVector.fromArray(FloatVector.SPECIES_512, biases, first + g);
            FloatVector end = FloatVector.fromArray(FloatVector.SPECIES_512, scales, first + g)
                    .fma(FloatVector.broadcast(FloatVector.SPECIES_512, maxCode), bias);
            most = most.max(bias.abs()).max(end.abs());
        }
        float result = Math.max(SMALLEST, most.reduceLanes(VectorOperators.MAX));
        for (int g = whole; g < groups; g++) {
            float bias = biases[first + g];
            float end = Math.fma(scales[first + g], maxCode, bias);
            result = Math.max(result, Math.max(Math.abs(bias), Math.abs(end)));
        }
        return result;
    }

    /** The largest magnitude of {@code count} floats, a multiple of 16. */
    static float largest(long x, int count) {
        FloatVector most = FloatVector.zero(FloatVector.SPECIES_512);
        for (int i = 0; i < count; i += LANES) {
            most = most.max(FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, x + 4L * i, LE)
                    .abs());
        }
        return Math.max(SMALLEST, most.reduceLanes(VectorOperators.MAX));
    }

    /**
     * {@code x * multiplier} as digits, the last first, zeros up to {@code padded}: {@code [DIGITS, padded]}.
     *
     * @param count a multiple of 16
     */
    static void activations(long out, long x, int count, int padded, float multiplier) {
        FloatVector times = FloatVector.broadcast(FloatVector.SPECIES_512, multiplier);
        FloatVector magic = FloatVector.broadcast(FloatVector.SPECIES_512, MAGIC);
        for (int i = 0; i < count; i += LANES) {
            IntVector v = FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, x + 4L * i, LE)
                    .fma(times, magic)
                    .reinterpretAsInts()
                    .lanewise(VectorOperators.LSHL, 1)
                    .add(SHIFT)
                    .lanewise(VectorOperators.XOR, HALVES);
            v.convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0).intoMemorySegment(ALL, out + i, LE);
            v.lanewise(VectorOperators.LSHR, 8)
                    .convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0)
                    .intoMemorySegment(ALL, out + padded + i, LE);
            v.lanewise(VectorOperators.LSHR, 16)
                    .convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0)
                    .intoMemorySegment(ALL, out + 2L * padded + i, LE);
        }
        for (int digit = 0; digit < DIGITS; digit++) {
            Memory.zero(out + (long) digit * padded + count, padded - count);
        }
    }

    /** Bytes at even places first, then those at odd ones, in each run of 128: the order of {@link #fourBits}. */
    static void evenThenOdd(long at, int count) {
        for (int i = 0; i < count; i += 2 * V) {
            ShortVector a = ShortVector.fromMemorySegment(ShortVector.SPECIES_512, ALL, at + i, LE);
            ShortVector b = ShortVector.fromMemorySegment(ShortVector.SPECIES_512, ALL, at + i + V, LE);
            a.convertShape(VectorOperators.S2B, ByteVector.SPECIES_256, 0).intoMemorySegment(ALL, at + i, LE);
            b.convertShape(VectorOperators.S2B, ByteVector.SPECIES_256, 0).intoMemorySegment(ALL, at + i + V / 2, LE);
            a.lanewise(VectorOperators.LSHR, 8)
                    .convertShape(VectorOperators.S2B, ByteVector.SPECIES_256, 0)
                    .intoMemorySegment(ALL, at + i + V, LE);
            b.lanewise(VectorOperators.LSHR, 8)
                    .convertShape(VectorOperators.S2B, ByteVector.SPECIES_256, 0)
                    .intoMemorySegment(ALL, at + i + V + V / 2, LE);
        }
    }

    /** The digits of each group's 16 weights of 4 bits, the first digits first: {@code [DIGITS, TABLE]} bytes. */
    static void tables(long out, float[] scales, float[] biases, int first, int groups, float multiplier) {
        FloatVector codes = FloatVector.zero(FloatVector.SPECIES_512).addIndex(1);
        for (int g = 0; g < groups; g++) {
            float bias = Math.fma(biases[first + g], multiplier, MAGIC);
            IntVector v = codes.fma(
                            FloatVector.broadcast(FloatVector.SPECIES_512, scales[first + g] * multiplier),
                            FloatVector.broadcast(FloatVector.SPECIES_512, bias))
                    .reinterpretAsInts()
                    .lanewise(VectorOperators.LSHL, 1)
                    .add(SHIFT)
                    .lanewise(VectorOperators.XOR, HALVES);
            long at = out + (long) LANES * g;
            v.lanewise(VectorOperators.LSHR, 16)
                    .convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0)
                    .intoMemorySegment(ALL, at, LE);
            v.lanewise(VectorOperators.LSHR, 8)
                    .convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0)
                    .intoMemorySegment(ALL, at + TABLE, LE);
            v.convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0).intoMemorySegment(ALL, at + 2 * TABLE, LE);
        }
    }

    /**
     * Digits of a row of 4-bit codes, {@code [DIGITS, padded]}, looked up in {@link #tables}. Of each {@link #COLS}
     * columns come those at even places first. What is written behind the last column means nothing.
     */
    static void fourBits(long out, long codes, int cols, int padded, int groupSize, long tables) {
        int kind = Integer.numberOfTrailingZeros(groupSize / 32);
        ByteVector tableOfByte = ByteVector.fromArray(ByteVector.SPECIES_512, TABLE_OF_BYTE, kind * V);
        int step = LANES * COLS / groupSize;
        long table = tables;
        for (int col = 0; col < cols; col += COLS) {
            ByteVector pairs;
            if (cols - col >= COLS) {
                pairs = ByteVector.fromMemorySegment(ByteVector.SPECIES_512, ALL, codes + col / 2, LE);
            } else {
                // The codes may end where mapped memory does.
                VectorMask<Byte> some = ByteVector.SPECIES_512.indexInRange(0, (cols - col) / 2);
                pairs = ByteVector.fromMemorySegment(ByteVector.SPECIES_512, ALL, codes + col / 2, LE, some);
            }
            ByteVector even = pairs.and(LOW).or(tableOfByte);
            ByteVector odd = pairs.reinterpretAsInts()
                    .lanewise(VectorOperators.LSHR, 4)
                    .reinterpretAsBytes()
                    .and(LOW)
                    .or(tableOfByte);
            ByteVector digits = ByteVector.fromMemorySegment(ByteVector.SPECIES_512, ALL, table, LE);
            even.selectFrom(digits).intoMemorySegment(ALL, out + col, LE);
            odd.selectFrom(digits).intoMemorySegment(ALL, out + col + V, LE);
            digits = ByteVector.fromMemorySegment(ByteVector.SPECIES_512, ALL, table + TABLE, LE);
            even.selectFrom(digits).intoMemorySegment(ALL, out + padded + col, LE);
            odd.selectFrom(digits).intoMemorySegment(ALL, out + padded + col + V, LE);
            digits = ByteVector.fromMemorySegment(ByteVector.SPECIES_512, ALL, table + 2 * TABLE, LE);
            even.selectFrom(digits).intoMemorySegment(ALL, out + 2L * padded + col, LE);
            odd.selectFrom(digits).intoMemorySegment(ALL, out + 2L * padded + col + V, LE);
            table += step;
        }
    }

    /** Digits of a row of 8-bit codes, {@code [DIGITS, padded]}; nothing is written behind the last column. */
    static void eightBits(
            long out,
            long codes,
            int cols,
            int padded,
            int groupSize,
            float[] scales,
            float[] biases,
            int first,
            float multiplier) {
        int group = first;
        for (int begin = 0; begin < cols; begin += groupSize) {
            float bias = Math.fma(biases[group], multiplier, MAGIC);
            FloatVector s = FloatVector.broadcast(FloatVector.SPECIES_512, scales[group] * multiplier);
            FloatVector b = FloatVector.broadcast(FloatVector.SPECIES_512, bias);
            for (int i = begin; i < begin + groupSize; i += LANES) {
                IntVector q = (IntVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_128, ALL, codes + i, LE)
                        .convertShape(VectorOperators.ZERO_EXTEND_B2I, IntVector.SPECIES_512, 0);
                IntVector v = ((FloatVector) q.convertShape(VectorOperators.I2F, FloatVector.SPECIES_512, 0))
                        .fma(s, b)
                        .reinterpretAsInts()
                        .lanewise(VectorOperators.LSHL, 1)
                        .add(SHIFT)
                        .lanewise(VectorOperators.XOR, HALVES);
                v.lanewise(VectorOperators.LSHR, 16)
                        .convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0)
                        .intoMemorySegment(ALL, out + i, LE);
                v.lanewise(VectorOperators.LSHR, 8)
                        .convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0)
                        .intoMemorySegment(ALL, out + padded + i, LE);
                v.convertShape(VectorOperators.I2B, ByteVector.SPECIES_128, 0)
                        .intoMemorySegment(ALL, out + 2L * padded + i, LE);
            }
            group++;
        }
    }

    /**
     * {@code out[r, t] = (65536 products[0, r, t] + 256 products[1, r, t] + products[2, r, t]) ofWeights[r]
     * ofActivations[t]}.
     *
     * @param products {@code [DIGITS, rows, width]} integers, width a multiple of 16
     */
    static void combine(long out, long products, int rows, int width, float[] ofWeights, long ofActivations) {
        long step = 4L * rows * width;
        for (int row = 0; row < rows; row++) {
            float factor = ofWeights[row];
            for (int t = 0; t < width; t += LANES) {
                long at = 4L * (row * width + t);
                FloatVector high =
                        (FloatVector) IntVector.fromMemorySegment(IntVector.SPECIES_512, ALL, products + at, LE)
                                .convertShape(VectorOperators.I2F, FloatVector.SPECIES_512, 0);
                FloatVector middle =
                        (FloatVector) IntVector.fromMemorySegment(IntVector.SPECIES_512, ALL, products + step + at, LE)
                                .convertShape(VectorOperators.I2F, FloatVector.SPECIES_512, 0);
                FloatVector low = (FloatVector)
                        IntVector.fromMemorySegment(IntVector.SPECIES_512, ALL, products + 2 * step + at, LE)
                                .convertShape(VectorOperators.I2F, FloatVector.SPECIES_512, 0);
                FloatVector ofToken =
                        FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, ofActivations + 4L * t, LE);
                FloatVector base = FloatVector.broadcast(FloatVector.SPECIES_512, 256f);
                high.fma(base, middle).fma(base, low).mul(factor).mul(ofToken).intoMemorySegment(ALL, out + at, LE);
            }
        }
    }
}
