package dev.jemma.kernels.contract;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

/** Ops that choose from logits. All are exact: they compare and copy. */
public abstract class ResultContract extends ContractFixture {
    /** The last is wider than one thread group looks at. */
    private static final int[] VOCABULARIES = {1, 3, 31, 32, 33, 255, 257, 1023, 1024, 4099, 70_000};

    private static Bench outputs(Bench bench, int rows) {
        return bench.span(0, 0, rows + 1, rows);
    }

    @Test
    void argmax() {
        for (int cols : VOCABULARIES) {
            for (int rows : new int[] {1, 5}) {
                compare("argmax [" + rows + ", " + cols + "]", bench -> {
                    outputs(bench, rows);
                    Tensor logits = bench.input("logits", RowSet.OUTPUT, cols);
                    Tensor ids = bench.outputIds("ids", RowSet.OUTPUT, 1);
                    bench.run(c -> c.argmax(ids, logits));
                });
            }
        }
    }

    /** The largest logit at every place in turn, at the ends above all. */
    @Test
    void argmaxAtEachPlace() {
        int cols = 515;
        for (int first = 0; first < cols; first += 37) {
            int start = first;
            compare("argmax at columns from " + first, bench -> {
                outputs(bench, 37);
                double[] elements = bench.normal(37 * cols, 1);
                for (int r = 0; r < 37; r++) {
                    elements[r * cols + Math.min(start + r, cols - 1)] = 50;
                }
                Tensor logits = bench.input("logits", RowSet.OUTPUT, cols, elements);
                Tensor ids = bench.outputIds("ids", RowSet.OUTPUT, 1);
                bench.run(c -> c.argmax(ids, logits));
            });
        }
    }

    /** Logits of few distinct values: softcapped and F16 weights make ties common. */
    private static double[] tied(Bench bench, int count, int levels) {
        return bench.random().doubles(count).map(x -> Math.floor(x * levels)).toArray();
    }

    @Test
    void tiesGoToTheLowerIndex() {
        for (int cols : VOCABULARIES) {
            for (int levels : new int[] {1, 2, 7}) {
                compare("argmax and topK of ties, " + cols + " columns, " + levels + " levels", bench -> {
                    outputs(bench, 3);
                    Tensor logits = bench.input("logits", RowSet.OUTPUT, cols, tied(bench, 3 * cols, levels));
                    Tensor argmax = bench.outputIds("argmax", RowSet.OUTPUT, 1);
                    int k = Math.min(cols, 40);
                    Tensor ids = bench.outputIds("ids", RowSet.OUTPUT, k);
                    Tensor values = bench.output("values", RowSet.OUTPUT, k);
                    bench.compare(values, Tolerance.EXACT);
                    bench.run(c -> {
                        c.argmax(argmax, logits);
                        c.topK(ids, values, logits);
                    });
                });
            }
        }
    }

    @Test
    void topK() {
        for (int cols : VOCABULARIES) {
            for (int k : new int[] {1, 2, 8, 33, 64, 256}) {
                if (k > cols) {
                    continue;
                }
                compare("topK " + k + " of " + cols, bench -> {
                    outputs(bench, 2);
                    Tensor logits = bench.input("logits", RowSet.OUTPUT, cols);
                    Tensor ids = bench.outputIds("ids", RowSet.OUTPUT, k);
                    Tensor values = bench.output("values", RowSet.OUTPUT, k);
                    bench.compare(values, Tolerance.EXACT);
                    bench.run(c -> c.topK(ids, values, logits));
                });
            }
        }
    }

    /** The largest all in one stretch, which one thread or group of a parallel selection must keep whole. */
    @Test
    void topKOfASortedRow() {
        for (boolean rising : new boolean[] {false, true}) {
            compare("topK of a row " + (rising ? "rising" : "falling"), bench -> {
                outputs(bench, 1);
                int cols = 5000;
                double[] elements = new double[cols];
                for (int i = 0; i < cols; i++) {
                    elements[i] = rising ? i : -i;
                }
                Tensor logits = bench.input("logits", RowSet.OUTPUT, cols, elements);
                Tensor ids = bench.outputIds("ids", RowSet.OUTPUT, 64);
                Tensor values = bench.output("values", RowSet.OUTPUT, 64);
                bench.compare(values, Tolerance.EXACT);
                bench.run(c -> c.topK(ids, values, logits));
            });
        }
    }

    @Test
    void allLogitsBelowZero() {
        compare("argmax and topK of very negative logits", bench -> {
            outputs(bench, 2);
            double[] elements = bench.normal(2 * 333, 1);
            for (int i = 0; i < elements.length; i++) {
                elements[i] = (float) (elements[i] * 1e30 - 1e32);
            }
            Tensor logits = bench.input("logits", RowSet.OUTPUT, 333, elements);
            Tensor argmax = bench.outputIds("argmax", RowSet.OUTPUT, 1);
            Tensor ids = bench.outputIds("ids", RowSet.OUTPUT, 9);
            Tensor values = bench.output("values", RowSet.OUTPUT, 9);
            bench.compare(values, Tolerance.EXACT);
            bench.run(c -> {
                c.argmax(argmax, logits);
                c.topK(ids, values, logits);
            });
        });
    }

    @Test
    void suppressedIdsAreNotChosen() {
        for (int count : new int[] {0, 1, 5, 70}) {
            compare("suppress " + count, bench -> {
                outputs(bench, 5);
                int cols = 1023;
                Tensor logits = bench.inOut("logits", RowSet.OUTPUT, cols);
                bench.compare(logits, Tolerance.EXACT);
                Block block = bench.block("suppressed", 4L * Math.max(1, count));
                for (int i = 0; i < count; i++) {
                    block.setInt(4L * i, (i * 577 + 1022) % cols);
                }
                Region suppressed = block.region();
                Tensor ids = bench.outputIds("ids", RowSet.OUTPUT, 1);
                bench.run(c -> {
                    c.suppress(logits, suppressed, count);
                    c.argmax(ids, logits);
                });
            });
        }
    }

    @Test
    void everyIdSuppressed() {
        compare("argmax of a row with every id suppressed", bench -> {
            outputs(bench, 1);
            Tensor logits = bench.inOut("logits", RowSet.OUTPUT, 3);
            bench.compare(logits, Tolerance.EXACT);
            Block block = bench.block("suppressed", 12);
            for (int i = 0; i < 3; i++) {
                block.setInt(4L * i, i);
            }
            Tensor ids = bench.outputIds("ids", RowSet.OUTPUT, 1);
            bench.run(c -> {
                c.suppress(logits, block.region(), 3);
                c.argmax(ids, logits);
            });
        });
    }

    /** Whole numbers from -2 to 2, whose products are exact in every arithmetic and tie often. */
    private static double[] wholeNumbers(Bench bench, int count) {
        return bench.random().ints(count, -2, 3).asDoubleStream().toArray();
    }

    private static Weight wholeNumbers(Bench bench, DType dtype, int rows, int cols) {
        ByteBuffer bytes =
                ByteBuffer.allocate((int) dtype.bytes((long) rows * cols)).order(ByteOrder.LITTLE_ENDIAN);
        for (double number : wholeNumbers(bench, rows * cols)) {
            WeightFormat.put(bytes, dtype, number);
        }
        return new DenseWeight(bench.adopt(dtype + " weights", bytes, 0), dtype, rows, cols);
    }

    /** Logits and choices from them, by ops that may have noted where the largest are. */
    private void logits(DType dtype, int rows, int vocabulary, float cap, BiConsumer<Commands, Tensor> between) {
        compare("logits [" + rows + ", " + vocabulary + "] of " + dtype + ", softcap " + cap, bench -> {
            int cols = 256;
            outputs(bench, rows);
            Tensor x = bench.input("x", RowSet.OUTPUT, cols, wholeNumbers(bench, rows * cols));
            Weight w = wholeNumbers(bench, dtype, vocabulary, cols);
            Tensor logits = bench.output("logits", RowSet.OUTPUT, vocabulary);
            int k = Math.min(vocabulary, 9);
            Tensor argmax = bench.outputIds("argmax", RowSet.OUTPUT, 1);
            Tensor ids = bench.outputIds("ids", RowSet.OUTPUT, k);
            Tensor values = bench.output("values", RowSet.OUTPUT, k);
            Tolerance tolerance =
                    (row, col, expected) -> cap == 0 ? 0 : cap * arithmetic().function();
            bench.compare(logits, tolerance);
            bench.compare(values, tolerance);
            bench.run(c -> {
                c.logits(logits, x, w, cap);
                between.accept(c, logits);
                c.argmax(argmax, logits);
                c.topK(ids, values, logits);
            });
        });
    }

    @Test
    void choicesFromLogitsJustComputed() {
        for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
            for (int rows : new int[] {1, 3, 9, 20}) {
                for (int vocabulary : new int[] {1, 33, 1000, 4099}) {
                    logits(dtype, rows, vocabulary, 0, (c, logits) -> {});
                    logits(dtype, rows, vocabulary, 800, (c, logits) -> {});
                }
            }
        }
    }

    /** What was largest is smallest when it comes to choosing, or no longer there. */
    @Test
    void choicesFromLogitsThatAnotherOpHasChanged() {
        for (int rows : new int[] {1, 9}) {
            logits(DType.F32, rows, 4099, 0, (c, logits) -> c.scale(logits, -1));
            logits(DType.F32, rows, 4099, 0, (c, logits) -> c.add(logits, logits, logits, -0.5f));
            logits(DType.F32, rows, 4099, 800, (c, logits) -> c.rmsNorm(logits, logits, new Norm(4099, 1, null)));
        }
    }
}
