package dev.jemma.kernels.contract;

import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** Bounds on heads that were normalised, if there is a norm, and rotated. */
final class RotatedHeads {
    private final Bench bench;
    private final Tensor rotations;
    private final @Nullable Norm norm;

    RotatedHeads(Bench bench, Tensor rotations, @Nullable Norm norm) {
        this.bench = bench;
        this.rotations = rotations;
        this.norm = norm;
    }

    /** {@code x cos - y sin} of numbers off by the norm's error, with two products and a sum rounded. */
    Tolerance tolerance(Tensor x) {
        int headDim = rotations.cols();
        int half = headDim / 2;
        double[] normed = normed(bench.values(x), headDim);
        double normError = norm == null ? 0 : bench.arithmetic().norm(headDim);
        return (row, col, expected) -> {
            int first = row * x.cols() + col / headDim * headDim;
            int i = col % headDim;
            int pair = i % half;
            double magnitude = Math.abs(normed[first + i] * bench.value(rotations, row, pair))
                    + Math.abs(normed[first + (i + half) % headDim] * bench.value(rotations, row, half + pair));
            return normError * magnitude + bench.arithmetic().elementwise(3, magnitude);
        };
    }

    private double[] normed(double[] elements, int headDim) {
        if (norm == null) {
            return elements;
        }
        double[] factors = norm.factors() == null ? null : bench.values(norm.factors());
        double[] normed = new double[elements.length];
        for (int first = 0; first < elements.length; first += headDim) {
            double sum = 0;
            for (int i = first; i < first + headDim; i++) {
                sum += elements[i] * elements[i];
            }
            double root = Math.sqrt(sum / headDim + norm.eps());
            for (int i = 0; i < headDim; i++) {
                normed[first + i] = elements[first + i] / root * (factors == null ? 1 : factors[i]);
            }
        }
        return normed;
    }
}
