package dev.jemma.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** These kernels are for 512-bit vectors, which other machines run more slowly. */
class GroupKernelsTest {
    private static final int COPIES = 3;

    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void close() {
        arena.close();
    }

    private long floats(int count, Random random) {
        MemorySegment memory = arena.allocate(4L * count, 64);
        for (int i = 0; i < count; i++) {
            Memory.putF32(memory.address() + 4L * i, random.nextFloat() - 0.5f);
        }
        return memory.address();
    }

    @ParameterizedTest
    @CsvSource({"4, 32", "4, 64", "4, 128", "8, 32", "8, 64", "8, 128"})
    void unpacksEveryGroupThreeTimesOver(int bits, int groupSize) {
        int cols = 3 * groupSize;
        byte[] codes = new byte[cols * bits / 8];
        new Random(bits * 1000L + groupSize).nextBytes(codes);
        MemorySegment in = arena.allocate(codes.length, 64).copyFrom(MemorySegment.ofArray(codes));
        long out = arena.allocate(2L * COPIES * cols, 64).address();
        GroupKernels.unpack(out, in.address(), cols, groupSize, bits, COPIES);
        for (int col = 0; col < cols; col++) {
            int expected = bits == 8 ? codes[col] & 255 : (codes[col / 2] >> (col % 2 * 4)) & 15;
            for (int copy = 0; copy < COPIES; copy++) {
                int at = (col / groupSize * COPIES + copy) * groupSize + col % groupSize;
                assertThat(Memory.bf16(out + 2L * at))
                        .as("column %d, copy %d", col, copy)
                        .isEqualTo(expected);
            }
        }
    }

    @Test
    void sumsGroups() {
        long x = floats(96, new Random(1));
        MemorySegment out = arena.allocate(3 * 256, 64);
        GroupKernels.sums(out.address(), 256, x, 96, 32);
        for (int group = 0; group < 3; group++) {
            double expected = 0;
            for (int i = 0; i < 32; i++) {
                expected += Memory.f32(x + 4L * (32 * group + i));
            }
            // 32 terms of at most 0.5: each of 31 roundings is at most half a unit of 16.
            assertThat((double) Memory.f32(out.address() + 256L * group)).isCloseTo(expected, within(31 * 0x1p-21));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64})
    void combinesGroups(int width) {
        int rows = 3;
        int groups = 5;
        Random random = new Random(width);
        long products = floats(groups * rows * width, random);
        long sums = floats(groups * OneDnnProducts.BLOCK, random);
        float[] scales = new float[rows * groups];
        float[] biases = new float[rows * groups];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = random.nextFloat();
            biases[i] = random.nextFloat() - 0.5f;
        }
        long out = arena.allocate(4L * rows * width, 64).address();
        GroupKernels.combine(out, products, rows, width, groups, scales, biases, sums);
        for (int row = 0; row < rows; row++) {
            for (int t = 0; t < width; t++) {
                double expected = 0;
                for (int g = 0; g < groups; g++) {
                    int i = row * groups + g;
                    expected += (double) scales[i] * Memory.f32(products + 4L * ((g * rows + row) * width + t));
                    expected += (double) biases[i] * Memory.f32(sums + 4L * (g * OneDnnProducts.BLOCK + t));
                }
                // Ten products of at most a half: ten roundings of at most half a unit of 5.
                assertThat((double) Memory.f32(out + 4L * (row * width + t)))
                        .as("row %d, column %d", row, t)
                        .isCloseTo(expected, within(10 * 0x1p-22));
            }
        }
    }
}
