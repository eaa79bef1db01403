package dev.jemma.kernels.contract;

import dev.jemma.kernels.Norm;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import org.junit.jupiter.api.Test;

/** The fused ops around a residual stream. */
public abstract class AddNormContract extends ContractFixture {
    @Test
    void addNorm() {
        for (int rows : ROWS) {
            for (int cols : COLS) {
                compare("addNorm [" + rows + ", " + cols + "]", bench -> {
                    bench.span(0, 0, rows, rows).placement(cols % 2, 0);
                    Tensor x = bench.inOut("x", RowSet.ALL, cols);
                    Tensor y = bench.consumed("y", RowSet.ALL, cols);
                    Norm norm = bench.norm(cols, true);
                    bench.compare(x, sum(new Residual(bench, x, y, norm, 0.9f)));
                    bench.run(c -> c.addNorm(x, y, norm, 0.9f));
                });
            }
        }
    }

    @Test
    void addNormNorm() {
        for (int rows : ROWS) {
            for (int cols : COLS) {
                addNormNorm(rows, cols, 1);
            }
        }
        addNormNorm(2, 640, 0.0625f);
    }

    private void addNormNorm(int rows, int cols, float scale) {
        compare("addNormNorm [" + rows + ", " + cols + "] scale " + scale, bench -> {
            bench.span(0, 0, rows + 1, rows);
            RowSet rowSet = cols % 3 == 0 ? RowSet.OUTPUT : RowSet.ALL;
            Tensor x = bench.inOut("x", rowSet, cols);
            Tensor y = bench.consumed("y", rowSet, cols);
            Tensor out = bench.output("out", rowSet, cols);
            Norm post = bench.norm(cols, true);
            Norm pre = bench.norm(cols, cols != 64);
            Residual residual = new Residual(bench, x, y, post, scale);
            bench.compare(x, sum(residual));
            bench.compare(out, normOfSum(bench, residual, pre));
            bench.run(c -> c.addNormNorm(out, x, y, post, scale, pre));
        });
    }

    /** {@code (x + norm(y)) * scale} and its error: three roundings, and the one of the reference. */
    private final class Residual {
        private final double[] sums;
        private final double[] errors;
        private final int cols;

        Residual(Bench bench, Tensor x, Tensor y, Norm norm, float scale) {
            cols = x.cols();
            double[] xs = bench.values(x);
            double[] ys = bench.values(y);
            double[] factors = norm.factors() == null ? new double[0] : bench.values(norm.factors());
            sums = new double[xs.length];
            errors = new double[xs.length];
            for (int i = 0; i < xs.length; i++) {
                double normed = ys[i] / rms(ys, i / cols, norm.eps()) * (factors.length == 0 ? 1 : factors[i % cols]);
                sums[i] = (xs[i] + normed) * scale;
                errors[i] = scale
                        * (arithmetic().norm(cols) * Math.abs(normed)
                                + arithmetic().elementwise(4, Math.abs(xs[i]) + Math.abs(normed)));
            }
        }

        double rms(double[] elements, int row, double eps) {
            double sum = 0;
            for (int i = row * cols; i < (row + 1) * cols; i++) {
                sum += elements[i] * elements[i];
            }
            return Math.sqrt(sum / cols + eps);
        }
    }

    private static Tolerance sum(Residual residual) {
        return (row, col, expected) -> residual.errors[row * residual.cols + col];
    }

    /** To first order {@code norm(s)_i} moves with its own element and, through the mean square, with all of them. */
    private Tolerance normOfSum(Bench bench, Residual residual, Norm norm) {
        return (row, col, expected) -> {
            double rms = residual.rms(residual.sums, row, norm.eps());
            double rmsError = residual.rms(residual.errors, row, 0);
            int i = row * residual.cols + col;
            double factor = norm.factors() == null ? 1 : Math.abs(bench.values(norm.factors())[col]);
            double inherited = (residual.errors[i] + Math.abs(residual.sums[i]) * rmsError / rms) / rms * factor;
            return 1.01 * inherited + arithmetic().norm(residual.cols) * Math.abs(expected) + Arithmetic.UNDERFLOW;
        };
    }
}
