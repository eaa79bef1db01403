package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * e^x and what is made of it, in place on runs of floats. The run's memory must have room for a whole vector behind
 * its last element; what lies there is undefined afterwards.
 *
 * <p>With {@code n = round(x / ln 2)} and {@code r = x - n ln 2}, {@code |r| <= ln 2 / 2 = 0.3466}, and
 * {@code e^x = 2^n e^r}. The Taylor polynomial of degree 7 leaves out {@code r^8 / 8! * 1.05 < 5.5e-9} of {@code e^r},
 * a tenth of half an ulp; the rounding of r, of the polynomial and of the product adds at most 2 ulp. {@code n ln 2}
 * is subtracted in two parts by FMAs, so that r itself is rounded only once more than x was.
 */
final class Exponential {
    private static final float LOG2_E = 1.442695f;

    /** ln 2 = LN2_HIGH + LN2_LOW; the first has 9 bits, so that its products with n are exact. */
    private static final float LN2_HIGH = 355f / 512;

    private static final float LN2_LOW = (float) (0.6931471805599453 - 355.0 / 512);

    /** 1.5 * 2^23: adding it rounds to an integer, which stays in the low bits of the sum. */
    private static final float ROUND = 12582912f;

    /** {@code n = -127}, whose exponent bits make a factor of 0. */
    private static final float LOWEST = -88.02f;

    /** The largest whose {@code n} is 127. */
    private static final float HIGHEST = 88.3f;

    /** tanh(x) rounds to 1 from 9.02 on; this is the clamp of 2x. */
    private static final float TANH_LIMIT = 19;

    private static final float C7 = 1f / 5040;
    private static final float C6 = 1f / 720;
    private static final float C5 = 1f / 120;
    private static final float C4 = 1f / 24;
    private static final float C3 = 1f / 6;
    private static final float C2 = 1f / 2;

    private static final int V = Lanes.BYTES;
    private static final int EXPONENT_BITS = 23;
    private static final int ONE = 127 << EXPONENT_BITS;

    private Exponential() {}

    /** {@code x_i = e^(x_i)}; 0 for all below -87.7, 2.2e38 for all above 88.3. */
    static void exp(long x, int count) {
        for (long at = x; at < x + 4L * count; at += V) {
            FloatVector t = FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE)
                    .max(LOWEST)
                    .min(HIGHEST);
            FloatVector shifted = t.mul(LOG2_E).add(ROUND);
            FloatVector n = shifted.sub(ROUND);
            FloatVector r = n.fma(FloatVector.broadcast(Lanes.F, -LN2_HIGH), t);
            r = n.fma(FloatVector.broadcast(Lanes.F, -LN2_LOW), r);
            FloatVector p = r.mul(C7).add(C6);
            p = p.fma(r, FloatVector.broadcast(Lanes.F, C5));
            p = p.fma(r, FloatVector.broadcast(Lanes.F, C4));
            p = p.fma(r, FloatVector.broadcast(Lanes.F, C3));
            p = p.fma(r, FloatVector.broadcast(Lanes.F, C2));
            p = p.mul(r).fma(r, r);
            FloatVector power = shifted.reinterpretAsInts()
                    .lanewise(VectorOperators.LSHL, EXPONENT_BITS)
                    .add(ONE)
                    .reinterpretAsFloats();
            p.fma(power, power).intoMemorySegment(ALL, at, LE);
        }
    }

    /**
     * {@code x_i = cap * tanh(x_i / cap)}, by {@code tanh(y) = m / (m + 2)} with {@code m = e^(2y) - 1} =
     * {@code 2^n (e^r - 1) + (2^n - 1)}: nothing cancels near 0, so that the relative error stays at a few ulp.
     */
    static void softcap(long x, int count, float cap) {
        float twice = 2 / cap;
        for (long at = x; at < x + 4L * count; at += V) {
            FloatVector t = FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE)
                    .mul(twice)
                    .max(-TANH_LIMIT)
                    .min(TANH_LIMIT);
            FloatVector shifted = t.mul(LOG2_E).add(ROUND);
            FloatVector n = shifted.sub(ROUND);
            FloatVector r = n.fma(FloatVector.broadcast(Lanes.F, -LN2_HIGH), t);
            r = n.fma(FloatVector.broadcast(Lanes.F, -LN2_LOW), r);
            FloatVector p = r.mul(C7).add(C6);
            p = p.fma(r, FloatVector.broadcast(Lanes.F, C5));
            p = p.fma(r, FloatVector.broadcast(Lanes.F, C4));
            p = p.fma(r, FloatVector.broadcast(Lanes.F, C3));
            p = p.fma(r, FloatVector.broadcast(Lanes.F, C2));
            p = p.mul(r).fma(r, r);
            FloatVector power = shifted.reinterpretAsInts()
                    .lanewise(VectorOperators.LSHL, EXPONENT_BITS)
                    .add(ONE)
                    .reinterpretAsFloats();
            FloatVector m = p.fma(power, power.sub(1));
            m.mul(cap).div(m.add(2)).intoMemorySegment(ALL, at, LE);
        }
    }

    /** The same of any number of floats with no room behind them, by way of {@code run}, which has {@link Scratch#RUN} and it. */
    static void softcap(long x, int count, float cap, long run) {
        for (int done = 0; done < count; done += Scratch.RUN) {
            int n = Math.min(Scratch.RUN, count - done);
            Memory.copy(run, x + 4L * done, 4L * n);
            softcap(run, n, cap);
            Memory.copy(x + 4L * done, run, 4L * n);
        }
    }
}
