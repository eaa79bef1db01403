package dev.jemma.kernels.contract;

import dev.jemma.kernels.Weight;

/** A weight with the numbers it stands for. */
final class WeightSample {
    private final Weight weight;
    private final double[][] values;
    private final double[][] magnitudes;

    /**
     * @param values {@code [rows][cols]}
     * @param magnitudes absolute values of the terms each number is made of: {@code |scale * q| + |bias|} where
     *     quantized
     */
    WeightSample(Weight weight, double[][] values, double[][] magnitudes) {
        this.weight = weight;
        this.values = values;
        this.magnitudes = magnitudes;
    }

    Weight weight() {
        return weight;
    }

    double value(int row, int col) {
        return values[row][col];
    }

    /** Sum of the absolute values of the terms that an element is made of. */
    double magnitude(int row, int col) {
        return magnitudes[row][col];
    }

    /** {@code sum_i w[row, i] * x[from + i]}. */
    double dot(int row, double[] x, int from) {
        double sum = 0;
        for (int i = 0; i < weight.cols(); i++) {
            sum += values[row][i] * x[from + i];
        }
        return sum;
    }

    /** Bound on the error of {@link #dot}. */
    double dotError(Arithmetic arithmetic, int row, double[] x, int from) {
        double magnitude = 0;
        for (int i = 0; i < weight.cols(); i++) {
            magnitude += magnitudes[row][i] * Math.abs(x[from + i]);
        }
        return arithmetic.dot(weight.cols(), magnitude);
    }
}
