package dev.jemma.kernels.contract;

/**
 * How exactly a backend computes, and the bounds on its results that follow. Every bound is for one result, in
 * absolute terms, against the exact value.
 *
 * @param unit unit roundoff of products and sums: 2^-24 for F32
 * @param inputUnit unit roundoff of what projections and attention multiply, where a backend narrows activations for
 *     its matrix units: 2^-11 for F16; 0 where it does not
 * @param function error of exp, tanh, sin, cos and rsqrt: relative for exp and rsqrt, absolute for those within +-1
 */
public record Arithmetic(double unit, double inputUnit, double function) {
    /** F32 throughout, functions good to a few units in the last place. */
    public static final Arithmetic F32 = new Arithmetic(0x1p-24, 0, 0x1p-21);

    /** Anything smaller may be flushed to zero. */
    static final double UNDERFLOW = Float.MIN_NORMAL;

    /**
     * How many standard deviations of a random walk of rounding errors are allowed. Rounding errors of a sum of n terms
     * stay within {@code k sqrt(n) u} of the terms' magnitudes with probability {@code 1 - 2 exp(-k^2 / 2)}: Higham and
     * Mary, A new approach to probabilistic rounding error analysis, SIAM J. Sci. Comput. 41(5), 2019, theorem 2.4. At
     * 6 that is 3e-8 per result; the certain bound, {@code n u}, would let through a wrong element of a long row.
     */
    private static final double DEVIATIONS = 6;

    /** A sum of {@code terms} products whose absolute values add up to {@code magnitude}, in any order. */
    double dot(int terms, double magnitude) {
        return ((DEVIATIONS * Math.sqrt(terms) + 2) * unit + inputUnit) * magnitude + UNDERFLOW;
    }

    /** {@code roundings} operations one after the other whose terms' absolute values add up to {@code magnitude}. */
    double elementwise(double roundings, double magnitude) {
        return roundings * unit * magnitude + UNDERFLOW;
    }

    /** Relative error of a root-mean-square norm of {@code size} columns; the squares have one sign. */
    double norm(int size) {
        return (DEVIATIONS * Math.sqrt(size) / 2 + 4) * unit + function;
    }

    /**
     * {@code gelu_tanh(gate) * up} of inputs that are themselves off by {@code gateError} and {@code upError}. The
     * slope of gelu_tanh is at most 1.13; for negative inputs {@code 1 + tanh} cancels, so tanh's error counts
     * absolutely.
     */
    double geglu(double gate, double gateError, double up, double upError) {
        double own = (function + 8 * unit) * Math.abs(gate * up);
        return own + 1.13 * gateError * (Math.abs(up) + upError) + Math.abs(gate) * upError + UNDERFLOW;
    }

    /** {@code cap * tanh(x / cap)}: tanh's error is scaled up by the cap. */
    double softcap(double x, double cap) {
        return cap * function + elementwise(3, Math.abs(x));
    }

    /**
     * A mean of {@code count} values of at most {@code largestValue}, weighted by a softmax of scores that are off by
     * {@code scoreError}: that moves each weight's numerator and the denominator by a factor of {@code e^scoreError}.
     */
    double weightedMean(int count, double scoreError, double largestValue) {
        double weights = Math.expm1(2 * scoreError) + 2 * function;
        return (weights + (DEVIATIONS * Math.sqrt(count) + 4) * unit + inputUnit) * largestValue + UNDERFLOW;
    }
}
