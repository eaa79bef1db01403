package dev.jemma.kernels.softmetal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.softmetal.KernelFile.Mode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Which check sees which mistake in a kernel, shown by making it: each fault is one edit of a sound kernel, which every
 * check passes. The checks of a fault are those that must see it; others may.
 */
@Execution(ExecutionMode.CONCURRENT)
class SeededFaultsTest {
    /** Ways to notice that a kernel is wrong. */
    enum Check {
        /** {@code metalc valid}: address spaces, signatures, lint. */
        VALID,
        /** The emulator's own rules of the execution model. */
        EMULATOR,
        /** Results that depend on the order of lanes. */
        ORDER,
        /** Results that differ from the sound kernel's. */
        RESULT,
        ASAN,
        MSAN,
        TSAN
    }

    /** Sound kernels. */
    enum Kernel {
        ATTEND_64_1("flash.metal"),
        ATTEND_256_4("flash.metal"),
        RMS_NORM("rows.metal"),
        GEMM("rows.metal");

        private final String file;

        Kernel(String file) {
            this.file = file;
        }
    }

    /** One edit: the {@code nth} occurrence of {@code from} becomes {@code to}. */
    record Fault(String name, Kernel kernel, String from, int nth, String to, Set<Check> seenBy) {
        String text() {
            String text = KernelFile.text(kernel.file);
            int at = -1;
            for (int i = 0; i < nth; i++) {
                at = text.indexOf(from, at + 1);
                assertThat(at)
                        .as("%s: occurrence %d of '%s'", name, i + 1, from)
                        .isNotNegative();
            }
            return text.substring(0, at) + to + text.substring(at + from.length());
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static Fault fault(String name, Kernel kernel, String from, String to, Check... seenBy) {
        return fault(name, kernel, from, 1, to, seenBy);
    }

    private static Fault fault(String name, Kernel kernel, String from, int nth, String to, Check... seenBy) {
        return new Fault(name, kernel, from, nth, to, Set.of(seenBy));
    }

    private static final String BARRIER = "threadgroup_barrier(mem_flags::mem_threadgroup);";
    private static final String SIMD_BARRIER = "simdgroup_barrier(mem_flags::mem_threadgroup);";

    static Stream<Fault> synchronisation() {
        Kernel wide = Kernel.ATTEND_256_4;
        Kernel narrow = Kernel.ATTEND_64_1;
        return Stream.of(
                fault("no barrier after loading", wide, BARRIER, "", Check.TSAN),
                fault("no barrier before combining", wide, BARRIER, 2, "", Check.TSAN, Check.ORDER),
                fault("no barrier between parts and sum", Kernel.RMS_NORM, BARRIER, "", Check.TSAN, Check.RESULT),
                fault("no simdgroup_barrier after scores", narrow, SIMD_BARRIER, "", Check.TSAN),
                // The rereads are separated by simd_max and simd_sum, at which the emulator's lanes wait for each
                // other:
                // the result stays right here, and only TSan sees it.
                fault("no simdgroup_barrier after weights", narrow, SIMD_BARRIER, 3, "", Check.TSAN),
                fault("no simdgroup_barrier at the loop's end", narrow, SIMD_BARRIER, 4, "", Check.TSAN),
                fault("mem_none", wide, "mem_flags::mem_threadgroup", "mem_flags::mem_none", Check.TSAN),
                fault("barrier in divergent flow", wide, BARRIER, "if (lane < 16) { " + BARRIER + " }", Check.EMULATOR),
                fault("return before a barrier", wide, BARRIER, "if (lane >= 30) return; " + BARRIER, Check.EMULATOR),
                fault(
                        "simd_sum in divergent flow",
                        narrow,
                        "sum = sum *",
                        "if (lane < 20) sum = sum *",
                        Check.EMULATOR),
                fault(
                        "shuffle under a guard",
                        narrow,
                        "product += simd_shuffle_xor(product, 2);",
                        "if (key < args.keys) product += simd_shuffle_xor(product, 2);",
                        Check.EMULATOR));
    }

    static Stream<Fault> bounds() {
        Kernel narrow = Kernel.ATTEND_64_1;
        return Stream.of(
                fault("a key too many", narrow, "key < args.keys", "key <= args.keys", Check.ASAN),
                fault(
                        "write past the end",
                        narrow,
                        "((device float4*)out)[i]",
                        "((device float4*)out)[i + 1]",
                        Check.ASAN),
                fault(
                        "far past the end",
                        narrow,
                        "query[i] = ((device const float4*)q)[i]",
                        "query[i] = ((device const float4*)q)[i + 500000]",
                        Check.ASAN),
                fault(
                        "past a threadgroup argument",
                        narrow,
                        "scores = shared + DK",
                        "scores = shared + DK + 4096",
                        Check.ASAN),
                fault(
                        "past a threadgroup variable",
                        Kernel.ATTEND_256_4,
                        "maxima[simdgroup] =",
                        "maxima[simdgroup + 1] =",
                        Check.ASAN),
                fault(
                        "past a private array",
                        Kernel.ATTEND_256_4,
                        "for (short j = 0; j < COLUMNS; j++)",
                        "for (short j = 0; j < COLUMNS + 2; j++)",
                        Check.ASAN),
                fault("row of a matrix too many", Kernel.GEMM, "k < mnk.z", "k <= mnk.z", Check.ASAN));
    }

    static Stream<Fault> memory() {
        Kernel narrow = Kernel.ATTEND_64_1;
        return Stream.of(
                fault(
                        "private array not set",
                        Kernel.ATTEND_256_4,
                        "total[j] = float4(0.0f);",
                        "",
                        Check.MSAN,
                        Check.RESULT),
                fault("scalar not set", narrow, "float product = 0.0f;", "float product;", Check.MSAN, Check.RESULT),
                fault(
                        "threadgroup argument not written",
                        Kernel.RMS_NORM,
                        "if (lane == 0) parts",
                        "if (lane == 0 && simdgroup != 1) parts",
                        Check.MSAN,
                        Check.RESULT),
                fault(
                        "threadgroup variable not written",
                        Kernel.ATTEND_256_4,
                        "sums[simdgroup] = sum;",
                        "if (simdgroup != 1) sums[simdgroup] = sum;",
                        Check.MSAN,
                        Check.RESULT));
    }

    static Stream<Fault> language() {
        Kernel narrow = Kernel.ATTEND_64_1;
        String query = "threadgroup float4* query = (threadgroup float4*)shared;";
        return Stream.of(
                fault(
                        "device pointer to threadgroup memory",
                        narrow,
                        query,
                        "device float4* query = (threadgroup float4*)shared;",
                        Check.VALID),
                fault(
                        "cast between address spaces",
                        narrow,
                        query,
                        "threadgroup float4* query = (threadgroup float4*)(device float4*)shared;",
                        Check.VALID),
                fault(
                        "write to constant",
                        narrow,
                        "float sum = 0.0f;",
                        "float sum = 0.0f; args.keys = 3;",
                        Check.VALID),
                fault(
                        "write to a const buffer",
                        narrow,
                        "float sum = 0.0f;",
                        "float sum = 0.0f; k[0] = 0.0f;",
                        Check.VALID),
                fault(
                        "pointer without address space",
                        narrow,
                        "device const float4* row =",
                        "const float4* row =",
                        Check.VALID),
                fault(
                        "parameter without address space",
                        narrow,
                        "device const float* q",
                        "const float* q",
                        Check.VALID),
                fault("threadgroup memory as [[buffer]]", narrow, "[[threadgroup(0)]]", "[[buffer(9)]]", Check.VALID),
                fault("unknown attribute", narrow, "thread_index_in_simdgroup", "thread_index_in_warp", Check.VALID),
                fault("half4 for float4", narrow, "dot(row[i], query[i])", "dot(half4(row[i]), query[i])", Check.VALID),
                fault("double", narrow, "float sum = 0.0f;", "double sum = 0.0;", Check.VALID),
                fault("only wrong", narrow, "product * args.scale", "product", Check.RESULT));
    }

    @ParameterizedTest
    @EnumSource(Kernel.class)
    void soundKernelsPassEveryCheck(Kernel kernel) {
        KernelFile file = KernelFile.named(kernel.file);
        Set<Check> seen = new TreeSet<>();
        for (Check check : Check.values()) {
            if (sees(check, kernel, file)) {
                seen.add(check);
            }
        }
        assertThat(seen).isEmpty();
    }

    @ParameterizedTest
    @MethodSource({"synchronisation", "bounds", "memory", "language"})
    void faultsAreSeen(Fault fault) {
        KernelFile file = KernelFile.of(fault.text());
        for (Check check : fault.seenBy) {
            assertThat(sees(check, fault.kernel, file))
                    .as("%s is seen by %s", fault.name, check)
                    .isTrue();
        }
    }

    private static boolean sees(Check check, Kernel kernel, KernelFile file) {
        return switch (check) {
            case VALID -> file.metalc("valid").status() != 0;
            case EMULATOR -> run(kernel, file, Mode.EXE, 0).status() == 3;
            case ORDER ->
                Stream.of(1, 7, 12)
                        .map(order -> run(kernel, file, Mode.EXE, order))
                        .anyMatch(differsFrom(run(kernel, file, Mode.EXE, 0)));
            case RESULT ->
                differsFrom(run(kernel, KernelFile.named(kernel.file), Mode.EXE, 0))
                        .test(run(kernel, file, Mode.EXE, 0));
            case ASAN -> reports(kernel, file, Mode.ASAN, "AddressSanitizer", "runtime error");
            case MSAN -> reports(kernel, file, Mode.MSAN, "MemorySanitizer");
            case TSAN -> reports(kernel, file, Mode.TSAN, "ThreadSanitizer: data race");
        };
    }

    private static boolean reports(Kernel kernel, KernelFile file, Mode mode, String... marks) {
        KernelFile.Run run = run(kernel, file, mode, 0);
        if (run.status() == 0) {
            return false;
        }
        assertThat(run.messages()).as("a failure of %s is a report", mode).containsAnyOf(marks);
        return true;
    }

    /** 1e-4 of each value: far above what another order of float additions can change, far below any fault. NaN differs. */
    private static Predicate<KernelFile.Run> differsFrom(KernelFile.Run expected) {
        return actual -> {
            float[] x = output(expected);
            float[] y = output(actual);
            for (int i = 0; i < x.length; i++) {
                if (!(Math.abs(x[i] - y[i]) <= 1e-4f * (1 + Math.abs(x[i])))) {
                    return true;
                }
            }
            return actual.status() != expected.status();
        };
    }

    /** The output is the last buffer. */
    private static float[] output(KernelFile.Run run) {
        return run.floats(run.buffers().keySet().stream().max(Integer::compare).orElseThrow());
    }

    private static KernelFile.Run run(Kernel kernel, KernelFile file, Mode mode, int order) {
        KernelFile.Dispatch dispatch = file.dispatch(kernel.name().toLowerCase(Locale.ROOT));
        switch (kernel) {
            case ATTEND_64_1 -> attend(dispatch, 64, 1);
            case ATTEND_256_4 -> attend(dispatch, 256, 4);
            case RMS_NORM -> rmsNorm(dispatch, 500);
            case GEMM -> gemm(dispatch, 16, 24, 32);
        }
        return dispatch.run(mode, order);
    }

    private static void attend(KernelFile.Dispatch dispatch, int headDim, int simdgroups) {
        int keys = 77;
        Random random = new Random(2);
        dispatch.bytes(
                        0,
                        ByteBuffer.allocate(16)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putInt(keys)
                                .putInt(headDim)
                                .putFloat(0.1f)
                                .putFloat(30f)
                                .array())
                .floats(1, values(random, headDim))
                .floats(2, values(random, keys * headDim))
                .floats(3, values(random, keys * headDim))
                .floats(4, filled(headDim))
                .threadgroup(0, 4 * (headDim + simdgroups * 32 + simdgroups * headDim))
                .grid(32 * simdgroups, 32 * simdgroups);
    }

    private static void rmsNorm(KernelFile.Dispatch dispatch, int columns) {
        dispatch.ints(0, columns)
                .floats(1, values(new Random(3), columns))
                .bytes(2, new byte[2 * columns])
                .floats(3, filled(columns))
                .threadgroup(0, 16)
                .grid(128, 128);
    }

    private static void gemm(KernelFile.Dispatch dispatch, int m, int n, int k) {
        Random random = new Random(4);
        dispatch.ints(0, m, n, k, 0)
                .bytes(1, halves(random, m * k))
                .bytes(2, halves(random, k * n))
                .floats(3, filled(m * n))
                .grid(List.of(32 * n / 8, m / 8, 1), List.of(32, 1, 1));
    }

    private static float[] values(Random random, int count) {
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = random.nextFloat(-1, 1);
        }
        return x;
    }

    /** What no kernel writes by accident. */
    private static float[] filled(int count) {
        float[] x = new float[count];
        Arrays.fill(x, -77f);
        return x;
    }

    private static byte[] halves(Random random, int count) {
        ByteBuffer bytes = ByteBuffer.allocate(2 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values(random, count)) {
            bytes.putShort(Float.floatToFloat16(value));
        }
        return bytes.array();
    }
}
