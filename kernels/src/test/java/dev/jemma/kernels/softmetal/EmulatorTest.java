package dev.jemma.kernels.softmetal;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntBinaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Threads, simdgroups, barriers and memory as MSL has them, in every order the emulator can run lanes in. */
class EmulatorTest {
    private static final KernelFile.Mode EXE = KernelFile.Mode.EXE;

    private final KernelFile emulator = KernelFile.named("emulator.metal");

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7})
    void threadsKnowWhereTheyAre(int order) {
        // 2 x 2 x 2 groups of 4 x 3 x 2 threads, of which the last ones along x and y are cut off.
        int[] out = emulator.dispatch("positions")
                .ints(0, new int[7 * 4 * 4 * 8])
                .ints(1, 8)
                .grid(List.of(7, 4, 4), List.of(4, 3, 2))
                .run(EXE, order)
                .ints(0);
        int at = 0;
        for (int z = 0; z < 4; z++) {
            for (int y = 0; y < 4; y++) {
                for (int x = 0; x < 7; x++) {
                    int sizeX = x < 4 ? 4 : 3;
                    int sizeY = y < 3 ? 3 : 1;
                    int index = (z % 2 * sizeY + y % 3) * sizeX + x % 4;
                    int[] expected = {
                        packed(x, y, z),
                        packed(x / 4, y / 3, z / 2),
                        packed(x % 4, y % 3, z % 2),
                        packed(sizeX, sizeY, 2),
                        packed(2, 2, 2),
                        packed(7, 4, 4),
                        index,
                        index + 10000 + 32_000_000
                    };
                    assertThat(Arrays.copyOfRange(out, at, at + 8))
                            .as("thread %d %d %d", x, y, z)
                            .containsExactly(expected);
                    at += 8;
                }
            }
        }
    }

    private static int packed(int x, int y, int z) {
        return x + 100 * y + 10000 * z;
    }

    /** 40 threads: a full simdgroup and one of 8 lanes, so that absent lanes take no part. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7})
    void simdOperations(int order) {
        int n = 40;
        int[] x = new Random(5).ints(n, -20, 20).toArray();
        int[] out = emulator.dispatch("simd_operations")
                .ints(0, x)
                .ints(1, new int[16 * n])
                .grid(n, n)
                .run(EXE, order)
                .ints(1);
        for (int i = 0; i < n; i++) {
            int first = i / 32 * 32;
            int lanes = Math.min(32, n - first);
            int[] group = Arrays.copyOfRange(x, first, first + lanes);
            int lane = i - first;
            expect(out[i], Arrays.stream(group).sum(), "sum", i);
            expect(out[n + i], reduce(group, Math::max), "max", i);
            expect(out[2 * n + i], reduce(group, Math::min), "min", i);
            expect(out[3 * n + i], reduce(group, (a, b) -> a | b), "or", i);
            expect(out[4 * n + i], reduce(group, (a, b) -> a ^ b), "xor", i);
            expect(out[5 * n + i], Arrays.stream(group, 0, lane).sum(), "exclusive", i);
            expect(out[6 * n + i], Arrays.stream(group, 0, lane + 1).sum(), "inclusive", i);
            expect(out[7 * n + i], lane + 3 < 32 ? at(group, lane + 3) : x[i], "down", i);
            expect(out[8 * n + i], lane >= 5 ? group[lane - 5] : x[i], "up", i);
            expect(out[9 * n + i], at(group, lane ^ 1), "shuffle_xor", i);
            expect(out[10 * n + i], group[4], "broadcast", i);
            expect(out[11 * n + i], group[0], "broadcast_first", i);
            expect(out[12 * n + i], group[x[i] & 7], "shuffle", i);
            int ballot =
                    IntStream.range(0, 8).map(l -> group[l] > 0 ? 1 << l : 0).sum();
            expect(out[13 * n + i], ballot, "ballot", i);
            boolean any = Arrays.stream(group).anyMatch(v -> v > 0);
            boolean all = Arrays.stream(group).allMatch(v -> v > 0);
            expect(out[14 * n + i], (any ? 1 : 0) + (all ? 2 : 0), "any, all", i);
            expect(out[15 * n + i], reduce(group, (a, b) -> a & b), "and", i);
        }
    }

    private static void expect(int actual, int expected, String operation, int thread) {
        assertThat(actual).as("%s in thread %d", operation, thread).isEqualTo(expected);
    }

    private static int reduce(int[] group, IntBinaryOperator operator) {
        return Arrays.stream(group).reduce(operator).orElseThrow();
    }

    /** A lane that is not there reads as junk. */
    private static int at(int[] group, int lane) {
        return lane < group.length ? group[lane] : 0x7f7f7f7f;
    }

    @ParameterizedTest
    @CsvSource({"0,256", "1,256", "7,256", "0,33", "1,33", "9,33"})
    void barriersOrderThreadgroupMemory(int order, int n) {
        int[] x = new Random(n).ints(n).toArray();
        KernelFile.Run run = emulator.dispatch("rotate")
                .ints(0, x)
                .ints(1, new int[n])
                .threadgroup(0, 1024)
                .grid(n, n)
                .run(EXE, order);
        assertThat(run.status()).as(run.messages()).isZero();
        assertThat(run.ints(1))
                .containsExactly(
                        IntStream.range(0, n).map(i -> x[(i + 200) % n]).toArray());
    }

    @Test
    void everyThreadgroupStartsWithJunkInItsMemory() {
        int[] out = emulator.dispatch("fresh")
                .ints(0, new int[8])
                .threadgroup(0, 16)
                .grid(4, 1)
                .run()
                .ints(0);
        assertThat(out).containsOnly(0x7f7f7f7f);
    }

    @ParameterizedTest
    @EnumSource(KernelFile.Mode.class)
    void privateMemoryIsNoRace(KernelFile.Mode mode) {
        KernelFile.Run run = emulator.dispatch("private_memory")
                .floats(0, new float[200])
                .grid(200, 64)
                .run(mode, 0);
        assertThat(run.status()).as(run.messages()).isZero();
        assertThat(run.floats(0)).containsOnly(7f);
    }

    @Test
    void threadgroupMemoryHasALimit() {
        KernelFile.Run run =
                emulator.dispatch("too_much").floats(0, new float[32]).run();
        assertThat(run.status()).isEqualTo(3);
        assertThat(run.messages()).contains("kernel too_much: 33600 bytes", "at most 32768");
    }

    @Test
    void aWritePastThreadgroupMemoryIsSeen() {
        KernelFile.Run run = emulator.dispatch("overrun")
                .floats(0, new float[32])
                .threadgroup(0, 112)
                .run();
        assertThat(run.status()).isEqualTo(3);
        assertThat(run.messages()).contains("writes past the 112 bytes of threadgroup memory at index 0");
    }

    @Test
    void atomics() {
        KernelFile.Run run = emulator.dispatch("atomics")
                .ints(0, 0)
                .floats(1, 0f)
                .ints(2, -1)
                .grid(1000, 100)
                .run();
        assertThat(run.ints(0)).containsExactly(499500);
        assertThat(run.floats(1)).containsExactly(500f);
        assertThat(run.ints(2)).containsExactly(999);
    }

    @Test
    void functionConstants() {
        KernelFile.Run without = emulator.dispatch("constants")
                .floats(0, 0)
                .constant(0, 21, 4)
                .constant(1, 1, 1)
                .grid(1, 1)
                .run();
        assertThat(without.floats(0)).containsExactly(-21f);
        KernelFile.Run with = emulator.dispatch("constants")
                .floats(0, 0)
                .constant(0, 21, 4)
                .constant(1, 0, 1)
                .constant(2, Float.floatToIntBits(2f), 4)
                .grid(1, 1)
                .run();
        assertThat(with.floats(0)).containsExactly(42f);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7})
    void simdgroupMatrices(int order) {
        Random random = new Random(8);
        float[] a = integers(random, 64);
        float[] b = integers(random, 16 * 10);
        float[] out = emulator.dispatch("matrix_multiply")
                .floats(0, a)
                .floats(1, b)
                .floats(2, new float[128])
                .threadgroup(0, 256)
                .run(EXE, order)
                .floats(2);
        for (int row = 0; row < 8; row++) {
            for (int column = 0; column < 8; column++) {
                float product = 1;
                float transposed = 0;
                for (int k = 0; k < 8; k++) {
                    float right = b[(k + 2) * 16 + column + 3];
                    product += a[8 * row + k] * right;
                    transposed += a[8 * k + row] * right;
                }
                // Small integers: exact in any order.
                assertThat(out[8 * row + column]).isEqualTo(product);
                assertThat(out[64 + 8 * row + column]).isEqualTo(transposed);
            }
        }
    }

    private static float[] integers(Random random, int count) {
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = random.nextInt(-8, 8);
        }
        return x;
    }

    @Test
    void lanesTakeTheirTurnsInTheOrderAskedFor() {
        int[] ascending = turns(0);
        assertThat(ascending).isSorted();
        assertThat(turns(1))
                .containsExactly(IntStream.range(0, 32).map(i -> 31 - i).toArray());
        int[] random = turns(7);
        assertThat(random).isNotEqualTo(ascending).containsExactlyInAnyOrder(ascending);
        assertThat(turns(7)).as("the same seed").isEqualTo(random);
        assertThat(turns(8)).as("another seed").isNotEqualTo(random);
    }

    private int[] turns(int order) {
        return emulator.dispatch("turns")
                .ints(0, new int[32])
                .ints(1, 0)
                .run(EXE, order)
                .ints(0);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "barrier_in_half | barrier not reached by every thread: thread 0 (simdgroup 0 lane 0) waits in",
                "early_return | has returned",
                "sum_in_half | lane 0) waits in simd_sum (line ",
                "two_barriers | threads wait at different barriers",
            })
    void divergenceIsNamed(String kernel, String complaint) {
        for (int order : new int[] {0, 1, 7}) {
            KernelFile.Run run = emulator.dispatch(kernel)
                    .floats(0, new float[64])
                    .grid(64, 64)
                    .run(EXE, order);
            assertThat(run.status()).as(run.messages()).isEqualTo(3);
            assertThat(run.messages()).contains("kernel " + kernel, complaint);
        }
    }

    @Test
    void aSimdgroupMayReturnEarly() {
        float[] out = emulator.dispatch("simdgroup_leaves")
                .floats(0, new float[64])
                .grid(64, 64)
                .run()
                .floats(0);
        assertThat(Arrays.copyOf(out, 32)).containsOnly(32f);
        assertThat(Arrays.copyOfRange(out, 32, 64)).containsOnly(0f);
    }
}
