package dev.jemma.kernels.contract;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Ops that read weight matrices: embeddings and projections in every weight format. */
public abstract class MatmulContract extends ContractFixture {
    /** Outputs around the numbers that kernels compute at a time. */
    private static final int[] OUTPUTS = {1, 3, 8, 33, 65};

    /** One more than any backend has kernels of its own for. */
    private static final int MOST_FEW_ROWS = 17;

    /** Column counts that a format allows: the common ones, or multiples of its group size with an odd one. */
    private static int[] cols(WeightFormat format) {
        int group = format.groupSize();
        return group == 1
                ? COLS
                : IntStream.of(1, 2, 3, 5, 8).map(n -> n * group).toArray();
    }

    @Test
    void embed() {
        for (WeightFormat format : WeightFormat.all()) {
            for (int cols : cols(format)) {
                compare("embed " + format + " [5, " + cols + "]", bench -> {
                    bench.span(0, 0, 4, 2);
                    int[] tokens = {4, 0, 3, 3};
                    Tensor ids = bench.inputIds("ids", RowSet.ALL, 1, tokens);
                    WeightSample table = format.create(bench, 5, cols);
                    Tensor out = bench.output("out", RowSet.ALL, cols);
                    bench.compare(
                            out,
                            (row, col, expected) ->
                                    arithmetic().elementwise(4, 2.5 * table.magnitude(tokens[row], col)));
                    bench.run(c -> c.embed(out, ids, table.weight(), 2.5f));
                });
            }
        }
    }

    @Test
    void embedOfThisStepsTokens() {
        compare("tokens and embed", bench -> {
            bench.step().addSpan(1, 4, new int[] {2, 0, -2}, 0, 3, 1);
            bench.step().addSpan(0, 9, new int[] {-1}, 0, 1, 1);
            Tensor sampled = bench.inputIds("sampled", RowSet.OUTPUT, 1, 3, 1);
            Tensor ids = bench.outputIds("ids", RowSet.ALL, 1);
            int[] tokens = {2, 0, 1, 3};
            WeightSample table = new WeightFormat.Dense(DType.BF16, 0).create(bench, 5, 65);
            Tensor out = bench.output("out", RowSet.ALL, 65);
            bench.compare(out, (row, col, expected) -> arithmetic().elementwise(2, table.magnitude(tokens[row], col)));
            bench.run(c -> {
                c.tokens(ids, sampled);
                c.embed(out, ids, table.weight(), 1);
            });
        });
    }

    /** Of projections of so many rows. */
    protected Arithmetic arithmetic(int rows) {
        return arithmetic();
    }

    private Tolerance projection(Bench bench, Tensor x, WeightSample w) {
        Arithmetic arithmetic = arithmetic(bench.count(x.rows()));
        return (row, col, expected) -> w.dotError(arithmetic, col, bench.values(x), row * x.cols())
                + arithmetic.elementwise(1, Math.abs(expected));
    }

    private void matmul(WeightFormat format, RowSet rowSet, int rows, int outputs, int cols) {
        boolean sliced = (rows + outputs) % 2 == 1;
        String shape =
                " [" + outputs + ", " + cols + "] by " + rows + " " + rowSet + " rows" + (sliced ? " sliced" : "");
        compare("matmul " + format + shape, bench -> {
            bench.span(0, 0, rows + (rowSet == RowSet.OUTPUT ? 1 : 0), rows);
            if (sliced) {
                bench.placement(1, 4);
            }
            Tensor x = bench.input("x", rowSet, cols);
            WeightSample w = format.create(bench, outputs, cols);
            Tensor out = bench.output("out", rowSet, outputs);
            bench.compare(out, projection(bench, x, w));
            bench.run(c -> c.matmul(out, x, w.weight()));
        });
    }

    @Test
    void matmulOfEveryFormatAndWidth() {
        for (WeightFormat format : WeightFormat.all()) {
            for (int cols : cols(format)) {
                matmul(format, RowSet.ALL, 1, 33, cols);
                matmul(format, RowSet.ALL, 5, 8, cols);
            }
        }
    }

    @Test
    void matmulOfEveryShape() {
        for (WeightFormat format : WeightFormat.kinds()) {
            for (int rows : ROWS) {
                for (int outputs : OUTPUTS) {
                    matmul(format, rows == 2 ? RowSet.OUTPUT : RowSet.ALL, rows, outputs, 384);
                }
            }
        }
    }

    /** Kernels take few rows in groups, of which the last is smaller. */
    @Test
    void matmulOfEveryNumberOfRows() {
        for (WeightFormat format : WeightFormat.kinds()) {
            for (int rows = 1; rows <= MOST_FEW_ROWS; rows++) {
                matmul(format, RowSet.ALL, rows, 33, 384);
            }
        }
    }

    /** Sizes at which kernels split their work among threads, thread groups or passes over the columns. */
    @Test
    void matmulOfLargeMatrices() {
        for (WeightFormat format : WeightFormat.kinds()) {
            matmul(format, RowSet.ALL, 1, 700, 2304);
            matmul(format, RowSet.ALL, 33, 130, 640);
            matmul(format, RowSet.OUTPUT, 130, 131, 384);
            gateUpGeglu(format, 130, 72);
            projectQkv(format, 130, false);
        }
    }

    /** Sizes at which kernels for one row of activations differ: many outputs, few, and few of many columns. */
    @Test
    void matmulOfOneRow() {
        WeightFormat format = new WeightFormat.Affine(4, 64, DType.BF16, 0);
        matmul(format, RowSet.ALL, 1, 8448, 128);
        matmul(format, RowSet.ALL, 1, 2112, 384);
        matmul(format, RowSet.ALL, 1, 96, 640);
        matmul(new WeightFormat.Affine(4, 64, DType.F16, 0), RowSet.ALL, 1, 64, 1024);
        matmul(format, RowSet.ALL, 1, 64, 8320);
        matmul(format, RowSet.ALL, 1, 2112, 3328);
        gatedMatmul(format, 1, 96);
        gateUpGeglu(format, 1, 48);
        gateUpGeglu(format, 1, 4224);
    }

    @Test
    void projectQkv() {
        for (WeightFormat format : WeightFormat.kinds()) {
            for (boolean valuesFromKeys : new boolean[] {false, true}) {
                for (int rows : ROWS) {
                    projectQkv(format, rows, valuesFromKeys);
                }
            }
        }
    }

    private void projectQkv(WeightFormat format, int rows, boolean valuesFromKeys) {
        compare("projectQkv " + format + " of " + rows + " rows, values from keys " + valuesFromKeys, bench -> {
            bench.span(0, 0, rows, 1);
            Tensor x = bench.input("x", RowSet.ALL, 256);
            WeightSample wq = format.create(bench, 96, 256);
            WeightSample wk = format.create(bench, 32, 256);
            WeightSample wv = format.create(bench, 32, 256);
            Tensor q = bench.output("q", RowSet.ALL, 96);
            Tensor k = bench.output("k", RowSet.ALL, 32);
            Tensor v = valuesFromKeys ? bench.scratch("v", RowSet.ALL, 32) : bench.output("v", RowSet.ALL, 32);
            bench.compare(q, projection(bench, x, wq));
            bench.compare(k, projection(bench, x, wk));
            bench.compare(v, projection(bench, x, wv));
            QkvWeight w = new QkvWeight(wq.weight(), wk.weight(), valuesFromKeys ? null : wv.weight());
            bench.run(c -> c.projectQkv(new Qkv(q, k, v, valuesFromKeys), x, w));
        });
    }

    /** Checkpoints may store the projections of one block in different formats. */
    @Test
    void projectQkvOfMixedFormats() {
        compare("projectQkv of mixed formats", bench -> {
            bench.span(0, 0, 3, 1);
            Tensor x = bench.input("x", RowSet.ALL, 128);
            WeightSample wq = WeightFormat.kinds().get(3).create(bench, 64, 128);
            WeightSample wk = WeightFormat.kinds().get(2).create(bench, 32, 128);
            WeightSample wv = WeightFormat.kinds().get(5).create(bench, 32, 128);
            Qkv qkv = new Qkv(
                    bench.output("q", RowSet.ALL, 64),
                    bench.output("k", RowSet.ALL, 32),
                    bench.output("v", RowSet.ALL, 32),
                    false);
            bench.compare(qkv.q(), projection(bench, x, wq));
            bench.compare(qkv.k(), projection(bench, x, wk));
            bench.compare(qkv.v(), projection(bench, x, wv));
            bench.run(c -> c.projectQkv(qkv, x, new QkvWeight(wq.weight(), wk.weight(), wv.weight())));
        });
    }

    @Test
    void gateUpGeglu() {
        for (WeightFormat format : WeightFormat.kinds()) {
            for (int rows : ROWS) {
                gateUpGeglu(format, rows, 8);
                gateUpGeglu(format, rows, 65);
            }
        }
    }

    private void gateUpGeglu(WeightFormat format, int rows, int outputs) {
        compare("gateUpGeglu " + format + " [" + outputs + ", 384] by " + rows + " rows", bench -> {
            bench.span(0, 0, rows, 1);
            Tensor x = bench.input("x", RowSet.ALL, 384);
            WeightSample gate = format.create(bench, outputs, 384);
            WeightSample up = format.create(bench, outputs, 384);
            Tensor out = bench.output("out", RowSet.ALL, outputs);
            Tensor scratch = bench.scratch("scratch", RowSet.ALL, outputs);
            bench.compare(out, gatedUnit(rows, bench.values(x), gate, up));
            bench.run(c -> c.gateUpGeglu(out, x, gate.weight(), up.weight(), scratch));
        });
    }

    @Test
    void gatedMatmul() {
        for (WeightFormat format : WeightFormat.kinds()) {
            for (int rows : ROWS) {
                gatedMatmul(format, rows, 7 + 2 * rows);
            }
        }
    }

    private void gatedMatmul(WeightFormat format, int rows, int outputs) {
        compare("gatedMatmul " + format + " [" + outputs + ", 384] by " + rows + " rows", bench -> {
            bench.span(0, 0, rows, 1);
            Tensor x = bench.input("x", RowSet.ALL, 384);
            Tensor up = bench.input("up", RowSet.ALL, outputs);
            WeightSample gate = format.create(bench, outputs, 384);
            Tensor out = bench.output("out", RowSet.ALL, outputs);
            bench.compare(out, (row, col, expected) -> {
                int from = row * 384;
                double error = gate.dotError(arithmetic(rows), col, bench.values(x), from);
                double factor = bench.values(up)[row * outputs + col];
                return arithmetic(rows).geglu(gate.dot(col, bench.values(x), from), error, factor, 0);
            });
            bench.run(c -> c.gatedMatmul(out, x, gate.weight(), up));
        });
    }

    private Tolerance gatedUnit(int rows, double[] x, WeightSample gate, WeightSample up) {
        Arithmetic arithmetic = arithmetic(rows);
        return (row, col, expected) -> {
            int from = row * gate.weight().cols();
            return arithmetic.geglu(
                    gate.dot(col, x, from),
                    gate.dotError(arithmetic, col, x, from),
                    up.dot(col, x, from),
                    up.dotError(arithmetic, col, x, from));
        };
    }

    /** Rows of a matrix, as experts and fused projections are cut from a stack. */
    @Test
    void matmulOfASlice() {
        for (WeightFormat format : WeightFormat.all()) {
            compare("matmul of rows 3 to 8 of " + format, bench -> {
                bench.span(0, 0, 2, 1);
                Tensor x = bench.input("x", RowSet.ALL, 128);
                WeightSample w = format.create(bench, 9, 128);
                Tensor out = bench.output("out", RowSet.ALL, 5);
                Tolerance whole = projection(bench, x, w);
                bench.compare(out, (row, col, expected) -> whole.bound(row, col + 3, expected));
                bench.run(c -> c.matmul(out, x, w.weight().slice(3, 5)));
            });
        }
    }
}
