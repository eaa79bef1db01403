package dev.jemma.kernels.contract;

import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import org.junit.jupiter.api.Test;

/** Ops that look at one row at a time. */
public abstract class RowOpsContract extends ContractFixture {
    /** A case for each number of rows and columns, on dense activations and on slices of wider rows. */
    private void eachShape(String op, ShapedCase testCase) {
        for (int rows : ROWS) {
            for (int cols : COLS) {
                boolean sliced = cols % 2 == 1;
                compare(op + " [" + rows + ", " + cols + "]" + (sliced ? " sliced" : ""), bench -> {
                    // An extra first row keeps output rows from being the first ones.
                    bench.span(1, 7, rows + 1, rows);
                    if (sliced) {
                        bench.placement(3, 2);
                    }
                    testCase.run(bench, cols % 3 == 0 ? RowSet.OUTPUT : RowSet.ALL, cols);
                });
            }
        }
    }

    @FunctionalInterface
    private interface ShapedCase {
        void run(Bench bench, RowSet rows, int cols);
    }

    @Test
    void copy() {
        eachShape("copy", (bench, rows, cols) -> {
            Tensor x = bench.input("x", rows, cols);
            Tensor out = bench.output("out", rows, cols);
            bench.compare(out, Tolerance.EXACT);
            bench.run(c -> c.copy(out, x));
        });
    }

    @Test
    void copyOfOutputRows() {
        eachShape("copy of output rows", (bench, rows, cols) -> {
            Tensor x = bench.input("x", RowSet.ALL, cols);
            Tensor out = bench.output("out", RowSet.OUTPUT, cols);
            bench.compare(out, Tolerance.EXACT);
            bench.run(c -> c.copy(out, x));
        });
        compare("copy of output rows of several spans", bench -> {
            bench.span(2, 0, 3, 1).span(0, 9, 1, 1).span(3, 4, 4, 0).span(1, 1, 2, 2);
            Tensor x = bench.input("x", RowSet.ALL, 33);
            Tensor out = bench.output("out", RowSet.OUTPUT, 33);
            bench.compare(out, Tolerance.EXACT);
            bench.run(c -> c.copy(out, x));
        });
    }

    @Test
    void add() {
        eachShape("add", (bench, rows, cols) -> {
            Tensor a = bench.input("a", rows, cols);
            Tensor b = bench.input("b", rows, cols);
            Tensor out = bench.output("out", rows, cols);
            bench.compare(out, sum(bench, a, b, 0.7f));
            bench.run(c -> c.add(out, a, b, 0.7f));
        });
    }

    @Test
    void addInPlace() {
        eachShape("add to a", (bench, rows, cols) -> {
            Tensor a = bench.inOut("a", rows, cols);
            Tensor b = bench.input("b", rows, cols);
            bench.compare(a, sum(bench, a, b, 1));
            bench.run(c -> c.add(a, a, b, 1));
        });
        eachShape("add to b", (bench, rows, cols) -> {
            Tensor a = bench.input("a", rows, cols);
            Tensor b = bench.inOut("b", rows, cols);
            bench.compare(b, sum(bench, a, b, 1));
            bench.run(c -> c.add(b, a, b, 1));
        });
    }

    private Tolerance sum(Bench bench, Tensor a, Tensor b, float scale) {
        return (row, col, expected) -> arithmetic()
                .elementwise(3, (Math.abs(bench.value(a, row, col)) + Math.abs(bench.value(b, row, col))) * scale);
    }

    @Test
    void scale() {
        eachShape("scale", (bench, rows, cols) -> {
            Tensor x = bench.inOut("x", rows, cols);
            bench.compare(x, (row, col, expected) -> arithmetic().elementwise(1, Math.abs(expected)));
            bench.run(c -> c.scale(x, -1.7f));
        });
    }

    @Test
    void rmsNorm() {
        eachShape("rmsNorm", (bench, rows, cols) -> {
            Tensor x = bench.input("x", rows, cols);
            Tensor out = bench.output("out", rows, cols);
            Norm norm = bench.norm(cols, cols % 2 == 0);
            bench.compare(out, (row, col, expected) -> arithmetic().norm(cols) * Math.abs(expected));
            bench.run(c -> c.rmsNorm(out, x, norm));
        });
    }

    @Test
    void rmsNormInPlaceOverHeads() {
        for (int size : new int[] {1, 8, 31, 64, 128, 256}) {
            for (int heads : new int[] {1, 2, 5}) {
                compare("rmsNorm of " + heads + " heads of " + size, bench -> {
                    bench.span(0, 0, 5, 1).placement(0, size);
                    Tensor x = bench.inOut("x", RowSet.ALL, heads * size);
                    Norm norm = bench.norm(size, heads != 2);
                    bench.compare(x, (row, col, expected) -> arithmetic().norm(size) * Math.abs(expected));
                    bench.run(c -> c.rmsNorm(x, x, norm));
                });
            }
        }
    }

    /** Gemma 3's stream reaches thousands, whose squares a half-precision sum could not hold. */
    @Test
    void rmsNormOfLargeAndSmallRows() {
        for (double size : new double[] {1e-4, 1e5}) {
            compare("rmsNorm of numbers around " + size, bench -> {
                bench.span(0, 0, 3, 1);
                Tensor x = bench.input("x", RowSet.ALL, 640, bench.normal(3 * 640, size));
                Tensor out = bench.output("out", RowSet.ALL, 640);
                bench.compare(out, (row, col, expected) -> arithmetic().norm(640) * Math.abs(expected));
                Norm norm = bench.norm(640, true);
                bench.run(c -> c.rmsNorm(out, x, norm));
            });
        }
        compare("rmsNorm of zeros", bench -> {
            bench.span(0, 0, 2, 1);
            Tensor x = bench.input("x", RowSet.ALL, 65, new double[2 * 65]);
            Tensor out = bench.output("out", RowSet.ALL, 65);
            bench.compare(out, Tolerance.EXACT);
            Norm norm = bench.norm(65, true);
            bench.run(c -> c.rmsNorm(out, x, norm));
        });
    }

    @Test
    void geglu() {
        eachShape("geglu", (bench, rows, cols) -> {
            Tensor gate = bench.input("gate", rows, cols);
            Tensor up = bench.input("up", rows, cols);
            Tensor out = bench.output("out", rows, cols);
            bench.compare(out, geglu(bench, gate, up));
            bench.run(c -> c.geglu(out, gate, up));
        });
    }

    @Test
    void gegluInPlace() {
        eachShape("geglu to gate", (bench, rows, cols) -> {
            Tensor gate = bench.inOut("gate", rows, cols);
            Tensor up = bench.input("up", rows, cols);
            bench.compare(gate, geglu(bench, gate, up));
            bench.run(c -> c.geglu(gate, gate, up));
        });
        eachShape("geglu to up", (bench, rows, cols) -> {
            Tensor gate = bench.input("gate", rows, cols);
            Tensor up = bench.inOut("up", rows, cols);
            bench.compare(up, geglu(bench, gate, up));
            bench.run(c -> c.geglu(up, gate, up));
        });
    }

    /** Large gates saturate: tanh by way of {@code e^2t} must not become infinity over infinity. */
    @Test
    void gegluOfLargeGates() {
        compare("geglu of large gates", bench -> {
            bench.span(0, 0, 1, 1);
            double[] gates = {-1000, -100, -30, -10, -5, -1e-3, -1e-30, 0, 1e-30, 1e-3, 5, 10, 30, 100, 1000};
            Tensor gate = bench.input("gate", RowSet.ALL, gates.length, gates);
            Tensor up = bench.input("up", RowSet.ALL, gates.length);
            Tensor out = bench.output("out", RowSet.ALL, gates.length);
            bench.compare(out, geglu(bench, gate, up));
            bench.run(c -> c.geglu(out, gate, up));
        });
    }

    private Tolerance geglu(Bench bench, Tensor gate, Tensor up) {
        return (row, col, expected) ->
                arithmetic().geglu((float) bench.value(gate, row, col), 0, bench.value(up, row, col), 0);
    }

    @Test
    void softcap() {
        eachShape("softcap", (bench, rows, cols) -> {
            Tensor x = bench.inOut("x", rows, cols);
            bench.compare(x, (row, col, expected) -> arithmetic().softcap(bench.value(x, row, col), 1.5));
            bench.run(c -> c.softcap(x, 1.5f));
        });
        compare("softcap of large logits", bench -> {
            bench.span(0, 0, 1, 1);
            double[] logits = {-1e6, -3000, -300, -30, -3, 0, 3, 30, 300, 3000, 1e6};
            Tensor x = bench.input("x", RowSet.ALL, logits.length, logits);
            Tensor out = bench.output("out", RowSet.ALL, logits.length);
            // Past the cap the result is the cap; the rounding of x itself no longer counts.
            bench.compare(
                    out,
                    (row, col, expected) -> arithmetic().softcap(Math.clamp(bench.value(x, row, col), -30, 30), 30));
            bench.run(c -> {
                c.copy(out, x);
                c.softcap(out, 30);
            });
        });
    }

    @Test
    void rotations() {
        for (int headDim : new int[] {2, 64, 128, 256, 512}) {
            compare("rotations of " + headDim, bench -> {
                bench.span(0, 0, 3, 1).span(1, 1000, 2, 1).span(2, 8191, 1, 1).placement(0, headDim % 3);
                double[] frequencies = new double[headDim / 2];
                for (int i = 0; i < frequencies.length; i++) {
                    // The last quarter does not turn, as in Gemma 4's full layers.
                    frequencies[i] = i >= headDim * 3 / 8 ? 0 : (float) Math.pow(10_000, -2.0 * i / headDim);
                }
                Rope rope = new Rope(bench.vector("frequencies", frequencies));
                for (RowSet rows : RowSet.values()) {
                    Tensor out = bench.output("rotations of " + rows, rows, headDim);
                    bench.compare(out, (row, col, expected) -> arithmetic().function());
                    bench.run(c -> c.rotations(out, rope));
                }
            });
        }
    }
}
