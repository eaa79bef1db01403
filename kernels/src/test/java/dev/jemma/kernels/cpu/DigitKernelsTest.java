package dev.jemma.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** These kernels are for 512-bit vectors, which other machines run more slowly. */
class DigitKernelsTest {
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void close() {
        arena.close();
    }

    private long bytes(long count) {
        return arena.allocate(count, 64).address();
    }

    private static int digit(long at) {
        return Memory.ALL.get(ValueLayout.JAVA_BYTE, at);
    }

    /** Twice the integer whose digits lie {@code step} bytes apart, the first ones first. */
    private static int number(long at, long step) {
        return 65536 * digit(at) + 256 * digit(at + step) + digit(at + 2 * step);
    }

    /** Where the digit of a column of 4-bit weights lies. */
    private static int place(int col) {
        return col / 128 * 128 + col % 2 * 64 + col % 128 / 2;
    }

    @ParameterizedTest
    @CsvSource({"4, 32", "4, 64", "4, 128", "8, 32", "8, 64", "8, 128"})
    void weightsAreTheirDigits(int bits, int groupSize) {
        int groups = 19;
        int first = 2;
        int cols = groups * groupSize;
        int padded = Math.ceilDiv(cols, 128) * 128;
        Random random = new Random(bits * 1000L + groupSize);
        byte[] codes = new byte[cols * bits / 8];
        random.nextBytes(codes);
        MemorySegment in = arena.allocate(codes.length, 64).copyFrom(MemorySegment.ofArray(codes));
        float[] scales = new float[first + groups + 16];
        float[] biases = new float[first + groups + 16];
        float most = 0;
        for (int g = first; g < first + groups; g++) {
            scales[g] = random.nextFloat() - 0.5f;
            biases[g] = 8 * (random.nextFloat() - 0.5f);
            float end = scales[g] * ((1 << bits) - 1) + biases[g];
            most = Math.max(most, Math.max(Math.abs(biases[g]), Math.abs(end)));
        }
        float largest = DigitKernels.largest(scales, biases, first, groups, (1 << bits) - 1);
        assertThat(largest).isCloseTo(most, within(most * 0x1p-22f));
        float multiplier = DigitKernels.LARGEST / largest;
        long out = bytes(3L * padded);
        if (bits == 4) {
            long tables = bytes(3L * DigitKernels.TABLE);
            DigitKernels.tables(tables, scales, biases, first, groups, multiplier);
            DigitKernels.fourBits(out, in.address(), cols, padded, groupSize, tables);
        } else {
            DigitKernels.eightBits(out, in.address(), cols, padded, groupSize, scales, biases, first, multiplier);
        }
        for (int col = 0; col < cols; col++) {
            int code = bits == 8 ? codes[col] & 255 : (codes[col / 2] >> (col % 2 * 4)) & 15;
            int g = first + col / groupSize;
            double expected = (double) multiplier * ((double) scales[g] * code + biases[g]);
            int at = bits == 8 ? col : place(col);
            // Half for rounding the bias, half for rounding the sum, a half for the scale, 2^-24 of 2^23 at most.
            assertThat(number(out + at, padded) / 2.0).as("column %d", col).isCloseTo(expected, within(1.5));
        }
    }

    @Test
    void activationsAreTheirDigits() {
        int count = 160;
        int padded = 256;
        Random random = new Random(3);
        long x = bytes(4L * count);
        float most = 0;
        for (int i = 0; i < count; i++) {
            float value = (float) random.nextGaussian();
            most = Math.max(most, Math.abs(value));
            Memory.putF32(x + 4L * i, value);
        }
        float largest = DigitKernels.largest(x, count);
        assertThat(largest).isEqualTo(most);
        long out = bytes(3L * padded);
        DigitKernels.activations(out, x, count, padded, DigitKernels.LARGEST / largest);
        for (int i = 0; i < padded; i++) {
            double expected = i < count ? (double) Memory.f32(x + 4L * i) / largest * DigitKernels.LARGEST : 0;
            // A half for rounding; the multiplier, rounded, adds 2^-24 of 2^22.
            assertThat(number(out + 2L * padded + i, -padded) / 2.0)
                    .as("column %d", i)
                    .isCloseTo(expected, within(0.75));
        }
    }

    @Test
    void zerosAreZeros() {
        long x = bytes(64);
        long out = bytes(3 * 128);
        DigitKernels.activations(out, x, 16, 128, DigitKernels.LARGEST / DigitKernels.largest(x, 16));
        for (int i = 0; i < 3 * 128; i++) {
            assertThat(digit(out + i)).isZero();
        }
    }

    @Test
    void evenPlacesComeBeforeOddOnes() {
        long at = bytes(256);
        for (int i = 0; i < 256; i++) {
            Memory.ALL.set(ValueLayout.JAVA_BYTE, at + i, (byte) i);
        }
        DigitKernels.evenThenOdd(at, 256);
        for (int col = 0; col < 256; col++) {
            assertThat(digit(at + place(col))).isEqualTo((byte) col);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 64})
    void combinesDigits(int width) {
        int rows = 3;
        Random random = new Random(width);
        long products = bytes(12L * rows * width);
        for (int i = 0; i < 3 * rows * width; i++) {
            Memory.putI32(products + 4L * i, random.nextInt(1 << 25) - (1 << 24));
        }
        float[] ofWeights = {0.5f, 3f, 0.1f};
        long ofActivations = bytes(4L * width);
        for (int i = 0; i < width; i++) {
            Memory.putF32(ofActivations + 4L * i, random.nextFloat());
        }
        long out = bytes(4L * rows * width);
        DigitKernels.combine(out, products, rows, width, ofWeights, ofActivations);
        for (int row = 0; row < rows; row++) {
            for (int t = 0; t < width; t++) {
                double sum = 0;
                double magnitude = 0;
                for (int i = 0; i < 3; i++) {
                    double term = Math.pow(256, 2 - i) * Memory.i32(products + 4L * ((i * rows + row) * width + t));
                    sum += term;
                    magnitude += Math.abs(term);
                }
                double factor = (double) ofWeights[row] * Memory.f32(ofActivations + 4L * t);
                // Seven roundings, each at most 2^-24 of the largest partial sum.
                assertThat((double) Memory.f32(out + 4L * (row * width + t)))
                        .as("row %d, column %d", row, t)
                        .isCloseTo(sum * factor, within(7 * 0x1p-24 * magnitude * factor));
            }
        }
    }
}
