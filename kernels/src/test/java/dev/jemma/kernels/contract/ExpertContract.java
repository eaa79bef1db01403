package dev.jemma.kernels.contract;

import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Routing, and projections of the experts that rows are routed to. */
public abstract class ExpertContract extends ContractFixture {
    private static final int NUM_EXPERTS = 6;

    @Test
    void route() {
        for (int numExperts : new int[] {1, 2, 7, 8, 32, 33, 128}) {
            for (int topK : new int[] {1, 2, 8}) {
                for (int rows : ROWS) {
                    if (topK <= numExperts) {
                        route("", rows, numExperts, topK, 1, 0);
                    }
                }
            }
        }
    }

    @Test
    void routeOfTies() {
        for (int levels : new int[] {1, 2, 5}) {
            route("ties of " + levels + " levels ", 5, 33, 8, 1, levels);
        }
    }

    /** Logits so far apart that most probabilities vanish. */
    @Test
    void routeOfSharpLogits() {
        route("sharp ", 5, 128, 8, 60, 0);
    }

    private void route(String what, int rows, int numExperts, int topK, double size, int levels) {
        compare("route " + what + rows + " rows to " + topK + " of " + numExperts, bench -> {
            bench.span(0, 0, rows + 1, rows);
            RowSet rowSet = topK == 2 ? RowSet.OUTPUT : RowSet.ALL;
            double[] elements = bench.normal(bench.count(rowSet) * numExperts, size);
            for (int i = 0; levels > 0 && i < elements.length; i++) {
                elements[i] = bench.random().nextInt(levels);
            }
            Tensor logits = bench.input("logits", rowSet, numExperts, elements);
            VectorF32 scale = bench.vector("expert scale", bench.normal(numExperts, 1));
            Routing routing = new Routing(bench.outputIds("ids", rowSet, topK), bench.output("weights", rowSet, topK));
            // e^x of x to -12 sizes, rounded before exp sees it; sums of positive numbers.
            double relative = 2 * arithmetic().function()
                    + (24 * size + 12 * Math.sqrt(numExperts) + 6)
                            * arithmetic().unit();
            bench.compare(
                    routing.weights(), (row, col, expected) -> relative * Math.abs(expected) + Arithmetic.UNDERFLOW);
            bench.run(c -> c.route(routing, logits, scale));
        });
    }

    /** Distinct experts for each row, as routing gives them. */
    private static int[] expertIds(Bench bench, int rows, int topK) {
        return IntStream.range(0, rows)
                .flatMap(r -> bench.random().ints(0, NUM_EXPERTS).distinct().limit(topK))
                .toArray();
    }

    private static Routing routing(Bench bench, RowSet rows, int[] ids, int topK) {
        return new Routing(bench.inputIds("ids", rows, topK, ids), bench.input("weights", rows, topK));
    }

    /** @param stacked gate and up rows of an expert in one matrix, as Hugging Face stores them */
    private void expertGeglu(WeightFormat format, int rows, int topK, int hidden, boolean stacked) {
        String shape = " of " + rows + " rows to " + topK + " experts of " + hidden + (stacked ? ", stacked" : "");
        compare("expertGeglu " + format + shape, bench -> {
            bench.span(0, 0, rows, 1);
            Tensor x = bench.input("x", RowSet.ALL, 128);
            int[] ids = expertIds(bench, rows, topK);
            Routing routing = routing(bench, RowSet.ALL, ids, topK);
            int stride = stacked ? 2 * hidden : hidden;
            WeightSample gates = format.create(bench, NUM_EXPERTS * stride, 128);
            WeightSample ups = stacked ? gates : format.create(bench, NUM_EXPERTS * stride, 128);
            ExpertWeight gate = new ExpertWeight(gates.weight(), NUM_EXPERTS, stride, 0, hidden);
            ExpertWeight up = new ExpertWeight(ups.weight(), NUM_EXPERTS, stride, stride - hidden, hidden);
            Tensor out = bench.output("out", RowSet.ALL, topK * hidden);
            double[] xs = bench.values(x);
            bench.compare(out, (row, col, expected) -> {
                int expert = ids[row * topK + col / hidden] * stride;
                int gateRow = expert + col % hidden;
                int upRow = gateRow + up.firstRow();
                return arithmetic()
                        .geglu(
                                gates.dot(gateRow, xs, row * 128),
                                gates.dotError(arithmetic(), gateRow, xs, row * 128),
                                ups.dot(upRow, xs, row * 128),
                                ups.dotError(arithmetic(), upRow, xs, row * 128));
            });
            bench.run(c -> c.expertGeglu(out, x, gate, up, routing));
        });
    }

    @Test
    void expertGeglu() {
        for (WeightFormat format : WeightFormat.kinds()) {
            for (int rows : ROWS) {
                expertGeglu(format, rows, 2, 33, rows % 2 == 0);
            }
            expertGeglu(format, 5, 1, 64, true);
            expertGeglu(format, 2, 4, 8, false);
            expertGeglu(format, 130, 2, 16, true);
        }
    }

    private void expertDown(WeightFormat format, int rows, int topK, int hidden) {
        compare("expertDown " + format + " of " + rows + " rows from " + topK + " experts of " + hidden, bench -> {
            bench.span(0, 0, rows + 1, rows);
            RowSet rowSet = rows == 5 ? RowSet.OUTPUT : RowSet.ALL;
            Tensor h = bench.input("h", rowSet, topK * hidden);
            int[] ids = expertIds(bench, bench.count(rowSet), topK);
            Routing routing = routing(bench, rowSet, ids, topK);
            int outputs = 65;
            WeightSample downs = format.create(bench, NUM_EXPERTS * outputs, hidden);
            Tensor out = bench.output("out", rowSet, outputs);
            double[] hs = bench.values(h);
            bench.compare(out, (row, col, expected) -> {
                double bound = arithmetic().elementwise(1, Math.abs(expected));
                for (int k = 0; k < topK; k++) {
                    int downRow = ids[row * topK + k] * outputs + col;
                    double error = downs.dotError(arithmetic(), downRow, hs, (row * topK + k) * hidden);
                    double product = Math.abs(downs.dot(downRow, hs, (row * topK + k) * hidden));
                    bound += Math.abs(bench.value(routing.weights(), row, k))
                            * (error + arithmetic().elementwise(topK + 1, product));
                }
                return bound;
            });
            ExpertWeight down = new ExpertWeight(downs.weight(), NUM_EXPERTS, outputs, 0, outputs);
            bench.run(c -> c.expertDown(out, h, down, routing));
        });
    }

    @Test
    void expertDown() {
        for (WeightFormat format : WeightFormat.kinds()) {
            for (int rows : ROWS) {
                expertDown(format, rows, 2, 128);
            }
            expertDown(format, 5, 1, 64);
            expertDown(format, 2, 4, 64);
            expertDown(format, 130, 2, 64);
        }
    }
}
