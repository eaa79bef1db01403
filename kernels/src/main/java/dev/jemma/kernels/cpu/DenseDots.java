package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Dot products of BF16 and F32 weight rows with activations: {@code out[r] = sum_i w[r, i] x[i]}.
 *
 * <p>Reading weights from memory is all that a decode waits for, so the kernels are shaped for the memory: four rows
 * a quarter of the range apart are read at once, because a core's prefetcher follows each as a stream of its own and
 * stops at every page of each (one row at a time reads at 11 GB/s where four streams reach 14 and a plain sum 15 to 17;
 * figures in docs/SPEED.md).
 */
final class DenseDots {
    private static final int HIGH_HALF = 0xffff_0000;
    private static final int V = Lanes.BYTES;

    /** F16 columns that are converted at a time: four rows of them are a third of an L1 cache. */
    private static final int F16_COLS = 1024;

    /** Floats that {@link #f16} works in. */
    static final int F16_ROOM = 4 * F16_COLS;

    private DenseDots() {}

    /** @param x in word order of two per word */
    static void bf16(long out, long x, long w, int cols, int rows) {
        int quarter = rows / 4;
        bf16FourRows(out, x, w, cols, quarter);
        for (int row = 4 * quarter; row < rows; row++) {
            Memory.putF32(out + 4L * row, bf16Row(x, w + 2L * row * cols, cols));
        }
    }

    private static void bf16FourRows(long out, long x, long w, int cols, int quarter) {
        long apart = 2L * cols * quarter;
        int step = V * Lanes.one();
        int bytes = 2 * WordOrder.blocked(cols, 2);
        for (int n = 0; n < quarter; n++) {
            int row = Streams.row(n, quarter);
            long w0 = w + 2L * row * cols;
            long w1 = w0 + apart;
            long w2 = w1 + apart;
            long w3 = w2 + apart;
            FloatVector a0 = FloatVector.zero(Lanes.F);
            FloatVector b0 = a0;
            FloatVector a1 = a0;
            FloatVector b1 = a0;
            FloatVector a2 = a0;
            FloatVector b2 = a0;
            FloatVector a3 = a0;
            FloatVector b3 = a0;
            for (int i = 0; i < bytes; i += step) {
                IntVector v0 = IntVector.fromMemorySegment(Lanes.I, ALL, w0 + i, LE);
                IntVector v1 = IntVector.fromMemorySegment(Lanes.I, ALL, w1 + i, LE);
                IntVector v2 = IntVector.fromMemorySegment(Lanes.I, ALL, w2 + i, LE);
                IntVector v3 = IntVector.fromMemorySegment(Lanes.I, ALL, w3 + i, LE);
                FloatVector low = FloatVector.fromMemorySegment(Lanes.F, ALL, x + 2L * i, LE);
                FloatVector high = FloatVector.fromMemorySegment(Lanes.F, ALL, x + 2L * i + V, LE);
                a0 = v0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(low, a0);
                b0 = v0.and(HIGH_HALF).reinterpretAsFloats().fma(high, b0);
                a1 = v1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(low, a1);
                b1 = v1.and(HIGH_HALF).reinterpretAsFloats().fma(high, b1);
                a2 = v2.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(low, a2);
                b2 = v2.and(HIGH_HALF).reinterpretAsFloats().fma(high, b2);
                a3 = v3.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(low, a3);
                b3 = v3.and(HIGH_HALF).reinterpretAsFloats().fma(high, b3);
            }
            long to = out + 4L * row;
            long next = 4L * quarter;
            int done = bytes / 2;
            Memory.putF32(to, a0.add(b0).reduceLanes(VectorOperators.ADD) + bf16Tail(x, w0, done, cols));
            Memory.putF32(to + next, a1.add(b1).reduceLanes(VectorOperators.ADD) + bf16Tail(x, w1, done, cols));
            Memory.putF32(to + 2 * next, a2.add(b2).reduceLanes(VectorOperators.ADD) + bf16Tail(x, w2, done, cols));
            Memory.putF32(to + 3 * next, a3.add(b3).reduceLanes(VectorOperators.ADD) + bf16Tail(x, w3, done, cols));
        }
    }

    private static float bf16Row(long x, long w, int cols) {
        int bytes = 2 * WordOrder.blocked(cols, 2);
        int step = V * Lanes.one();
        FloatVector a = FloatVector.zero(Lanes.F);
        FloatVector b = a;
        for (int i = 0; i < bytes; i += step) {
            IntVector v = IntVector.fromMemorySegment(Lanes.I, ALL, w + i, LE);
            FloatVector low = FloatVector.fromMemorySegment(Lanes.F, ALL, x + 2L * i, LE);
            FloatVector high = FloatVector.fromMemorySegment(Lanes.F, ALL, x + 2L * i + V, LE);
            a = v.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(low, a);
            b = v.and(HIGH_HALF).reinterpretAsFloats().fma(high, b);
        }
        return a.add(b).reduceLanes(VectorOperators.ADD) + bf16Tail(x, w, bytes / 2, cols);
    }

    private static float bf16Tail(long x, long w, int from, int cols) {
        float sum = 0;
        for (int i = from; i < cols; i++) {
            sum += Memory.bf16(w + 2L * i) * Memory.f32(x + 4L * i);
        }
        return sum;
    }

    /** Four activation rows at once, {@code xStride} and {@code outStride} bytes apart. */
    static void bf16ByFour(long out, long outStride, long x, long xStride, long w, int cols, int rows) {
        int bytes = 2 * WordOrder.blocked(cols, 2);
        int step = V * Lanes.one();
        for (int row = 0; row < rows; row++) {
            long from = w + 2L * row * cols;
            FloatVector a0 = FloatVector.zero(Lanes.F);
            FloatVector b0 = a0;
            FloatVector a1 = a0;
            FloatVector b1 = a0;
            FloatVector a2 = a0;
            FloatVector b2 = a0;
            FloatVector a3 = a0;
            FloatVector b3 = a0;
            for (int i = 0; i < bytes; i += step) {
                IntVector v = IntVector.fromMemorySegment(Lanes.I, ALL, from + i, LE);
                FloatVector low = v.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
                FloatVector high = v.and(HIGH_HALF).reinterpretAsFloats();
                long x0 = x + 2L * i;
                long x1 = x0 + xStride;
                long x2 = x1 + xStride;
                long x3 = x2 + xStride;
                a0 = low.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x0, LE), a0);
                b0 = high.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x0 + V, LE), b0);
                a1 = low.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x1, LE), a1);
                b1 = high.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x1 + V, LE), b1);
                a2 = low.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x2, LE), a2);
                b2 = high.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x2 + V, LE), b2);
                a3 = low.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x3, LE), a3);
                b3 = high.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x3 + V, LE), b3);
            }
            long to = out + 4L * row;
            int done = bytes / 2;
            Memory.putF32(to, a0.add(b0).reduceLanes(VectorOperators.ADD) + bf16Tail(x, from, done, cols));
            Memory.putF32(
                    to + outStride,
                    a1.add(b1).reduceLanes(VectorOperators.ADD) + bf16Tail(x + xStride, from, done, cols));
            Memory.putF32(
                    to + 2 * outStride,
                    a2.add(b2).reduceLanes(VectorOperators.ADD) + bf16Tail(x + 2 * xStride, from, done, cols));
            Memory.putF32(
                    to + 3 * outStride,
                    a3.add(b3).reduceLanes(VectorOperators.ADD) + bf16Tail(x + 3 * xStride, from, done, cols));
        }
    }

    /** @param x in plain order */
    static void f32(long out, long x, long w, int cols, int rows) {
        int whole = cols - cols % (2 * Lanes.COUNT);
        long step = 2L * V * Lanes.one();
        for (int row = 0; row < rows; row++) {
            long from = w + 4L * row * cols;
            FloatVector a = FloatVector.zero(Lanes.F);
            FloatVector b = a;
            for (long i = 0; i < 4L * whole; i += step) {
                FloatVector w0 = FloatVector.fromMemorySegment(Lanes.F, ALL, from + i, LE);
                FloatVector w1 = FloatVector.fromMemorySegment(Lanes.F, ALL, from + i + V, LE);
                a = w0.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x + i, LE), a);
                b = w1.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x + i + V, LE), b);
            }
            float sum = a.add(b).reduceLanes(VectorOperators.ADD);
            Memory.putF32(out + 4L * row, sum + f32Tail(x, from, whole, cols));
        }
    }

    /** One row of weights with one of activations, summed as {@link Lanes#sum} does; both in the same order. */
    static float f32Ordered(long x, long w, int cols) {
        int whole = cols - cols % (2 * Lanes.COUNT);
        long step = 2L * V * Lanes.one();
        FloatVector a = FloatVector.zero(Lanes.F);
        FloatVector b = a;
        for (long i = 0; i < 4L * whole; i += step) {
            FloatVector w0 = FloatVector.fromMemorySegment(Lanes.F, ALL, w + i, LE);
            FloatVector w1 = FloatVector.fromMemorySegment(Lanes.F, ALL, w + i + V, LE);
            a = w0.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x + i, LE), a);
            b = w1.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, x + i + V, LE), b);
        }
        return Lanes.sum(a.add(b)) + f32Tail(x, w, whole, cols);
    }

    /** One row of weights with four rows of activations, {@code xStride} bytes apart; both in the same order. */
    static void f32ByFour(long out, long outStride, long x, long xStride, long w, int cols) {
        int whole = cols - cols % Lanes.COUNT;
        long step = (long) V * Lanes.one();
        FloatVector a0 = FloatVector.zero(Lanes.F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (long i = 0; i < 4L * whole; i += step) {
            FloatVector v = FloatVector.fromMemorySegment(Lanes.F, ALL, w + i, LE);
            long at = x + i;
            a0 = v.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE), a0);
            a1 = v.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + xStride, LE), a1);
            a2 = v.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + 2 * xStride, LE), a2);
            a3 = v.fma(FloatVector.fromMemorySegment(Lanes.F, ALL, at + 3 * xStride, LE), a3);
        }
        Memory.putF32(out, a0.reduceLanes(VectorOperators.ADD) + f32Tail(x, w, whole, cols));
        Memory.putF32(out + outStride, a1.reduceLanes(VectorOperators.ADD) + f32Tail(x + xStride, w, whole, cols));
        Memory.putF32(
                out + 2 * outStride, a2.reduceLanes(VectorOperators.ADD) + f32Tail(x + 2 * xStride, w, whole, cols));
        Memory.putF32(
                out + 3 * outStride, a3.reduceLanes(VectorOperators.ADD) + f32Tail(x + 3 * xStride, w, whole, cols));
    }

    private static float f32Tail(long x, long w, int from, int cols) {
        float sum = 0;
        for (int i = from; i < cols; i++) {
            sum += Memory.f32(w + 4L * i) * Memory.f32(x + 4L * i);
        }
        return sum;
    }

    /**
     * @param x in plain order
     * @param room {@link #F16_ROOM} floats: C2 turns a conversion loop into vector conversions only when it writes to an array
     */
    static void f16(long out, long x, long w, int cols, int rows, float[] room) {
        long rowBytes = 2L * cols;
        int row = 0;
        while (rows - row >= 4) {
            int quarter = Streams.quarter(rows - row, rowBytes);
            for (int i = 0; i < quarter; i++) {
                int at = row + Streams.row(i, quarter);
                f16FourRows(out + 4L * at, 4L * quarter, x, w + at * rowBytes, quarter * rowBytes, cols, room);
            }
            row += 4 * quarter;
        }
        // The last few each as four times the same row.
        for (; row < rows; row++) {
            f16FourRows(out + 4L * row, 0, x, w + row * rowBytes, 0, cols, room);
        }
    }

    private static void f16FourRows(long out, long next, long x, long w, long apart, int cols, float[] room) {
        for (int col = 0; col < cols; col += F16_COLS) {
            int n = Math.min(F16_COLS, cols - col);
            for (int row = 0; row < 4; row++) {
                Unpack.f16(room, F16_COLS * row, w + row * apart + 2L * col, n);
            }
            fourDots(out, next, x + 4L * col, room, n, col > 0);
        }
    }

    /** Four rows of {@code w}, {@link #F16_COLS} from each other, times {@code x}. */
    private static void fourDots(long out, long next, long x, float[] w, int cols, boolean add) {
        int whole = cols - cols % Lanes.COUNT;
        int step = Lanes.COUNT * Lanes.one();
        FloatVector a0 = FloatVector.zero(Lanes.F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int i = 0; i < whole; i += step) {
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, x + 4L * i, LE);
            a0 = FloatVector.fromArray(Lanes.F, w, i).fma(y, a0);
            a1 = FloatVector.fromArray(Lanes.F, w, F16_COLS + i).fma(y, a1);
            a2 = FloatVector.fromArray(Lanes.F, w, 2 * F16_COLS + i).fma(y, a2);
            a3 = FloatVector.fromArray(Lanes.F, w, 3 * F16_COLS + i).fma(y, a3);
        }
        float s0 = a0.reduceLanes(VectorOperators.ADD);
        float s1 = a1.reduceLanes(VectorOperators.ADD);
        float s2 = a2.reduceLanes(VectorOperators.ADD);
        float s3 = a3.reduceLanes(VectorOperators.ADD);
        for (int i = whole; i < cols; i++) {
            float y = Memory.f32(x + 4L * i);
            s0 += w[i] * y;
            s1 += w[F16_COLS + i] * y;
            s2 += w[2 * F16_COLS + i] * y;
            s3 += w[3 * F16_COLS + i] * y;
        }
        if (add) {
            s0 += Memory.f32(out);
            s1 += Memory.f32(out + next);
            s2 += Memory.f32(out + 2 * next);
            s3 += Memory.f32(out + 3 * next);
        }
        Memory.putF32(out, s0);
        Memory.putF32(out + next, s1);
        Memory.putF32(out + 2 * next, s2);
        Memory.putF32(out + 3 * next, s3);
    }
}
