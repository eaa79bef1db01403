package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;

/**
 * What one thread makes of its time in a matmul: GB/s of weights for one row, GFLOP/s for many, beside a plain read of
 * the same memory. In CPU time of the thread, so that other processes' turns do not count (their use of the memory
 * does). Run with the JVM flags of {@code scripts/jemma}; arguments: numbers of rows, by default 1 4 16 128.
 */
final class KernelBench {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final int COLS = 1152;
    private static final int ROUNDS = 5;
    private static final long BYTES = 262144L * COLS * 2;

    /** Finite and normal in every format. */
    private static final byte FILL = 0x3c;

    private record Case(String name, Weight weight) {}

    private final CpuDevice device = new CpuDevice(1);
    private final DeviceBuffer memory = device.allocate(BYTES, "weights");
    private final Region weights = new Region(memory, 0);

    private KernelBench() {
        MemorySegment chunk = MemorySegment.ofArray(new byte[1 << 20]).fill(FILL);
        for (long at = 0; at < BYTES; at += chunk.byteSize()) {
            memory.write(at, chunk.asSlice(0, Math.min(chunk.byteSize(), BYTES - at)));
        }
    }

    public static void main(String[] args) {
        int[] rows = args.length == 0
                ? new int[] {1, 4, 16, 128}
                : Arrays.stream(args).mapToInt(Integer::parseInt).toArray();
        KernelBench bench = new KernelBench();
        for (int round = 0; round < ROUNDS; round++) {
            bench.read();
        }
        for (Case matrix : bench.cases()) {
            for (int n : rows) {
                bench.matmul(matrix, n);
            }
        }
        bench.read();
        bench.memory.close();
        bench.device.close();
    }

    private List<Case> cases() {
        return List.of(
                new Case("bf16 262144", new DenseWeight(weights, DType.BF16, 262144, COLS)),
                new Case("bf16 6912", new DenseWeight(weights, DType.BF16, 6912, COLS)),
                new Case("f16 6912", new DenseWeight(weights, DType.F16, 6912, COLS)),
                new Case("f32 6912", new DenseWeight(weights, DType.F32, 6912, COLS)),
                affine(8, 262144),
                affine(8, 6912),
                affine(4, 262144),
                affine(4, 6912));
    }

    private Case affine(int bits, int rows) {
        long codes = (long) rows * COLS * bits / 8;
        Region scales = weights.plus(codes);
        Weight weight = new AffineWeight(weights, scales, scales, DType.BF16, bits, 64, rows, COLS);
        return new Case(bits + "-bit " + rows, weight);
    }

    /** Moves on through the memory from one product to the next, so that none finds its weights in a cache. */
    private void matmul(Case matrix, int rows) {
        Weight w = matrix.weight();
        StepLimits limits = new StepLimits(rows, rows, 1, rows, 1, COLS, COLS, w.rows());
        try (CommandStream stream = device.openStream(limits);
                DeviceBuffer in = device.allocate(4L * rows * COLS, "x");
                DeviceBuffer out = device.allocate(4L * rows * w.rows(), "out")) {
            Tensor x = Tensor.f32(in, RowSet.ALL, COLS);
            Tensor y = Tensor.f32(out, RowSet.ALL, w.rows());
            Step step = new Step(rows, rows);
            step.addSpan(0, 0, new int[rows], 0, rows, rows);
            int products = rows == 1 ? (int) Math.max(3, BYTES / w.byteSize()) : 3;
            double best = Double.MAX_VALUE;
            for (int round = 0; round < ROUNDS; round++) {
                long start = THREADS.getCurrentThreadCpuTime();
                for (int i = 0; i < products; i++) {
                    stream.begin(step).matmul(y, x, shifted(w, i));
                    stream.submit();
                }
                best = Math.min(best, (double) (THREADS.getCurrentThreadCpuTime() - start) / products);
            }
            System.out.printf(
                    Locale.ROOT,
                    "%-12s %4d rows  %6.1f GB/s  %6.1f GFLOP/s%n",
                    matrix.name(),
                    rows,
                    w.byteSize() / best,
                    2.0 * rows * w.rows() * COLS / best);
        }
    }

    /** The {@code i}-th matrix of this shape in the memory. */
    private Weight shifted(Weight w, int i) {
        long at = i * w.byteSize() % (BYTES - w.byteSize() + 1);
        return switch (w) {
            case DenseWeight dense -> new DenseWeight(weights.plus(at), dense.dtype(), dense.rows(), COLS);
            case AffineWeight affine -> {
                Region scales = weights.plus(at + affine.rows() * affine.codeRowBytes());
                yield new AffineWeight(
                        weights.plus(at), scales, scales, DType.BF16, affine.bits(), 64, affine.rows(), COLS);
            }
        };
    }

    private void read() {
        long start = THREADS.getCurrentThreadCpuTime();
        long sum = sum(Memory.address(weights), BYTES);
        double nanos = THREADS.getCurrentThreadCpuTime() - start;
        MemorySegment sink = MemorySegment.ofArray(new long[1]);
        sink.set(ValueLayout.JAVA_LONG, 0, sum);
        System.out.printf(Locale.ROOT, "%-12s            %6.1f GB/s%n", "plain read", BYTES / nanos);
    }

    /** Four streams, as the kernels read. */
    private static long sum(long from, long bytes) {
        long quarter = bytes / 4;
        LongVector a = LongVector.zero(LongVector.SPECIES_PREFERRED);
        LongVector b = a;
        LongVector c = a;
        LongVector d = a;
        for (long i = 0; i < quarter; i += (long) Long.BYTES * LongVector.SPECIES_PREFERRED.length()) {
            a = a.add(LongVector.fromMemorySegment(LongVector.SPECIES_PREFERRED, Memory.ALL, from + i, Memory.LE));
            b = b.add(LongVector.fromMemorySegment(
                    LongVector.SPECIES_PREFERRED, Memory.ALL, from + quarter + i, Memory.LE));
            c = c.add(LongVector.fromMemorySegment(
                    LongVector.SPECIES_PREFERRED, Memory.ALL, from + 2 * quarter + i, Memory.LE));
            d = d.add(LongVector.fromMemorySegment(
                    LongVector.SPECIES_PREFERRED, Memory.ALL, from + 3 * quarter + i, Memory.LE));
        }
        return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
    }
}
