package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.FloatVector;

/** Loops over runs of floats: sums, products, norms. Any count. */
final class RowKernels {
    private static final int V = Lanes.BYTES;
    private static final float SQRT_2_OVER_PI = 0.7978846f;
    private static final float CUBIC = 0.044715f;

    private RowKernels() {}

    /** Bytes of the run in whole vectors. */
    private static long whole(int count) {
        return 4L * (count - count % Lanes.COUNT);
    }

    /** {@code out = (a + b) * scale}; {@code out} may be {@code a} or {@code b}. */
    static void add(long out, long a, long b, int count, float scale) {
        long whole = whole(count);
        for (long i = 0; i < whole; i += V) {
            FloatVector sum = FloatVector.fromMemorySegment(Lanes.F, ALL, a + i, LE)
                    .add(FloatVector.fromMemorySegment(Lanes.F, ALL, b + i, LE));
            sum.mul(scale).intoMemorySegment(ALL, out + i, LE);
        }
        for (long i = whole; i < 4L * count; i += 4) {
            Memory.putF32(out + i, (Memory.f32(a + i) + Memory.f32(b + i)) * scale);
        }
    }

    /** {@code out = x * factor}; {@code out} may be {@code x}. */
    static void scale(long out, long x, int count, float factor) {
        long whole = whole(count);
        for (long i = 0; i < whole; i += V) {
            FloatVector.fromMemorySegment(Lanes.F, ALL, x + i, LE).mul(factor).intoMemorySegment(ALL, out + i, LE);
        }
        for (long i = whole; i < 4L * count; i += 4) {
            Memory.putF32(out + i, Memory.f32(x + i) * factor);
        }
    }

    /** The same for whole vectors, which lie {@code stride} bytes apart in {@code out}. */
    static void scaleApart(long out, long stride, long x, int count, float factor) {
        long to = out;
        for (long i = 0; i < 4L * count; i += V) {
            FloatVector.fromMemorySegment(Lanes.F, ALL, x + i, LE).mul(factor).intoMemorySegment(ALL, to, LE);
            to += stride;
        }
    }

    /** {@code out = x * factor_i * factor}; {@code out} may be {@code x}. */
    static void multiply(long out, long x, long factors, int count, float factor) {
        long whole = whole(count);
        for (long i = 0; i < whole; i += V) {
            FloatVector.fromMemorySegment(Lanes.F, ALL, x + i, LE)
                    .mul(factor)
                    .mul(FloatVector.fromMemorySegment(Lanes.F, ALL, factors + i, LE))
                    .intoMemorySegment(ALL, out + i, LE);
        }
        for (long i = whole; i < 4L * count; i += 4) {
            Memory.putF32(out + i, Memory.f32(x + i) * factor * Memory.f32(factors + i));
        }
    }

    static float sumOfSquares(long x, int count) {
        int whole = count - count % (2 * Lanes.COUNT);
        FloatVector a = FloatVector.zero(Lanes.F);
        FloatVector b = a;
        for (long i = 0; i < 4L * whole; i += 2L * V) {
            FloatVector x0 = FloatVector.fromMemorySegment(Lanes.F, ALL, x + i, LE);
            FloatVector x1 = FloatVector.fromMemorySegment(Lanes.F, ALL, x + i + V, LE);
            a = x0.fma(x0, a);
            b = x1.fma(x1, b);
        }
        float sum = Lanes.sum(a.add(b));
        for (long i = 4L * whole; i < 4L * count; i += 4) {
            sum += Memory.f32(x + i) * Memory.f32(x + i);
        }
        return sum;
    }

    /** {@code out_i = x_i cos_i - y_i sin_i}, {@code y_i = y_i cos_i + x_i sin_i} with y half a head behind x, in place. */
    static void rope(long x, long rotation, int half) {
        long whole = whole(half);
        long apart = 4L * half;
        for (long i = 0; i < whole; i += V) {
            FloatVector first = FloatVector.fromMemorySegment(Lanes.F, ALL, x + i, LE);
            FloatVector second = FloatVector.fromMemorySegment(Lanes.F, ALL, x + apart + i, LE);
            FloatVector cos = FloatVector.fromMemorySegment(Lanes.F, ALL, rotation + i, LE);
            FloatVector sin = FloatVector.fromMemorySegment(Lanes.F, ALL, rotation + apart + i, LE);
            first.mul(cos).sub(second.mul(sin)).intoMemorySegment(ALL, x + i, LE);
            second.mul(cos).add(first.mul(sin)).intoMemorySegment(ALL, x + apart + i, LE);
        }
        for (long i = whole; i < apart; i += 4) {
            float first = Memory.f32(x + i);
            float second = Memory.f32(x + apart + i);
            float cos = Memory.f32(rotation + i);
            float sin = Memory.f32(rotation + apart + i);
            Memory.putF32(x + i, first * cos - second * sin);
            Memory.putF32(x + apart + i, second * cos + first * sin);
        }
    }

    /**
     * {@code gelu_tanh(gate) * up} with {@code gelu_tanh(z) = z / (1 + e^(-2u))} and
     * {@code u = sqrt(2/pi) (z + 0.044715 z^3)}, which is {@code 0.5 z (1 + tanh u)}.
     *
     * @param scratch room for {@code count} floats and a vector
     */
    static void geglu(long out, long gate, long up, int count, long scratch) {
        for (int done = 0; done < count; done += Scratch.RUN) {
            int n = Math.min(Scratch.RUN, count - done);
            long offset = 4L * done;
            geluExponents(scratch, gate + offset, n);
            Exponential.exp(scratch, n);
            gatedProduct(out + offset, gate + offset, up + offset, scratch, n);
        }
    }

    private static void geluExponents(long out, long gate, int count) {
        long whole = whole(count);
        for (long i = 0; i < whole; i += V) {
            FloatVector z = FloatVector.fromMemorySegment(Lanes.F, ALL, gate + i, LE);
            FloatVector inner = z.mul(z).mul(-2 * SQRT_2_OVER_PI * CUBIC).add(-2 * SQRT_2_OVER_PI);
            inner.mul(z).intoMemorySegment(ALL, out + i, LE);
        }
        for (long i = whole; i < 4L * count; i += 4) {
            float z = Memory.f32(gate + i);
            Memory.putF32(out + i, (z * z * (-2 * SQRT_2_OVER_PI * CUBIC) - 2 * SQRT_2_OVER_PI) * z);
        }
    }

    private static void gatedProduct(long out, long gate, long up, long exponentials, int count) {
        long whole = whole(count);
        for (long i = 0; i < whole; i += V) {
            FloatVector z = FloatVector.fromMemorySegment(Lanes.F, ALL, gate + i, LE);
            FloatVector e = FloatVector.fromMemorySegment(Lanes.F, ALL, exponentials + i, LE);
            z.mul(FloatVector.fromMemorySegment(Lanes.F, ALL, up + i, LE))
                    .div(e.add(1))
                    .intoMemorySegment(ALL, out + i, LE);
        }
        for (long i = whole; i < 4L * count; i += 4) {
            float gated = Memory.f32(gate + i) * Memory.f32(up + i) / (1 + Memory.f32(exponentials + i));
            Memory.putF32(out + i, gated);
        }
    }
}
