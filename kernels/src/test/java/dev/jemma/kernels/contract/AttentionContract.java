package dev.jemma.kernels.contract;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Attention over caches that are already filled, varying one thing at a time. */
public abstract class AttentionContract extends ContractFixture {
    /**
     * Sizes of one case.
     *
     * @param window 0 for a full layer
     * @param querySize standard deviation of the queries: large ones make sharp softmaxes
     */
    private record Shape(
            DType dtype,
            int numHeads,
            int numKvHeads,
            int headDim,
            int capacity,
            int window,
            double softcap,
            double querySize) {
        static final Shape FULL = new Shape(DType.F16, 4, 2, 64, 320, 0, 0, 1);

        Shape heads(int heads, int kvHeads, int dim) {
            return new Shape(dtype, heads, kvHeads, dim, capacity, window, softcap, querySize);
        }

        Shape ring(int rows, int keys) {
            return new Shape(dtype, numHeads, numKvHeads, headDim, rows, keys, softcap, querySize);
        }

        Shape scores(double cap, double size) {
            return new Shape(dtype, numHeads, numKvHeads, headDim, capacity, window, cap, size);
        }

        Shape cache(DType type) {
            return new Shape(type, numHeads, numKvHeads, headDim, capacity, window, softcap, querySize);
        }
    }

    private void attention(String what, Shape shape, RowSet rowSet, Consumer<Bench> spans) {
        compare("attention " + what + " " + shape + " " + rowSet, bench -> {
            spans.accept(bench);
            int cols = shape.numHeads * shape.headDim;
            Tensor q = bench.input("q", rowSet, cols, bench.normal(bench.count(rowSet) * cols, shape.querySize));
            CacheBlocks cache = bench.cache(
                            shape.dtype, 4, shape.numKvHeads, shape.headDim, shape.capacity, shape.window)
                    .raiseInvisible();
            Tensor out = bench.output("out", rowSet, cols);
            float scale = (float) (1 / Math.sqrt(shape.headDim));
            bench.compare(out, new AttentionTolerance(bench, cache, q, scale, shape.softcap));
            bench.run(c -> c.attention(out, q, cache.view(), scale, (float) shape.softcap));
        });
    }

    private void decode(String what, Shape shape, int position) {
        attention(what + ", decode at " + position, shape, RowSet.ALL, bench -> bench.span(2, position, 1, 1));
    }

    @Test
    void contextLengths() {
        for (int position : new int[] {0, 1, 2, 30, 31, 32, 33, 62, 63, 64, 127, 255, 256, 257, 319}) {
            decode("", Shape.FULL, position);
        }
        decode("long context", Shape.FULL.heads(2, 1, 64).ring(4200, 0), 4111);
    }

    @Test
    void headsAndGroups() {
        for (int headDim : new int[] {8, 16, 32, 64, 128, 256, 512}) {
            for (int group : new int[] {1, 2, 4, 8}) {
                int kvHeads = group < 4 ? 2 : 1;
                Shape shape = Shape.FULL.heads(kvHeads * group, kvHeads, headDim);
                decode("", shape, 100);
                attention("chunk", shape, RowSet.ALL, bench -> bench.span(1, 40, 5, 1));
            }
        }
    }

    /** Numbers of queries that share keys, whole registers and rows of them or not. */
    @Test
    void everyNumberOfHeads() {
        for (int heads = 1; heads <= 9; heads++) {
            Shape shape = Shape.FULL.heads(heads, 1, 128);
            decode("", shape, 60);
            decode("ring", shape.ring(64, 50), 90);
            decode("", shape.cache(DType.F32), 49);
        }
    }

    @Test
    void f32Cache() {
        for (int headDim : new int[] {16, 64, 256}) {
            Shape shape = Shape.FULL.heads(4, 2, headDim).cache(DType.F32);
            decode("", shape, 77);
            attention("chunk", shape, RowSet.ALL, bench -> bench.span(0, 0, 33, 1));
            attention("ring", shape.ring(64, 32), RowSet.ALL, bench -> bench.span(0, 90, 33, 1));
        }
    }

    @Test
    void chunks() {
        for (int rows : ROWS) {
            for (int position : new int[] {0, 1, 31, 200}) {
                attention(
                        "chunk of " + rows + " at " + position,
                        Shape.FULL,
                        RowSet.ALL,
                        bench -> bench.span(3, position, rows, 1));
            }
        }
    }

    /** Chunks of many tiles: alone, past others, beside decodes, and in a ring that turns over within the chunk. */
    @Test
    void longChunks() {
        Shape shape = Shape.FULL.heads(4, 2, 32);
        attention("long chunk", shape, RowSet.ALL, bench -> bench.span(2, 0, 130, 1));
        attention("long chunk", shape, RowSet.ALL, bench -> bench.span(2, 131, 130, 1));
        attention(
                "long chunk and decodes",
                shape,
                RowSet.ALL,
                bench -> bench.span(0, 200, 1, 1).span(2, 33, 131, 2).span(1, 3, 1, 1));
        for (int window : new int[] {1, 40, 129, 200}) {
            attention(
                    "long chunk in a window",
                    shape.ring(window + 129, window),
                    RowSet.ALL,
                    bench -> bench.span(1, 150, 130, 1));
        }
    }

    /** Windows below, at and above the number of keys so far. */
    @Test
    void windows() {
        for (int window : new int[] {1, 2, 31, 32, 33, 64, 100, 101, 102, 300}) {
            Shape shape = Shape.FULL.ring(320, window);
            decode("window " + window, shape, 100);
            attention("window " + window + ", chunk", shape, RowSet.ALL, bench -> bench.span(1, 90, 18, 1));
            attention("window " + window + ", first chunk", shape, RowSet.ALL, bench -> bench.span(1, 0, 33, 1));
        }
    }

    /** Rings of the smallest capacity that a step allows, and padded ones, at every stage of turning over. */
    @Test
    void ringsThatWrap() {
        for (int rows : ROWS) {
            for (int window : new int[] {16, 33, 64}) {
                int tight = window + rows - 1;
                for (int capacity : new int[] {tight, Math.ceilDiv(tight, 32) * 32}) {
                    Shape shape = Shape.FULL.ring(capacity, window);
                    for (int position : new int[] {0, capacity - 1, capacity, capacity + 1, 3 * capacity + 7}) {
                        attention(
                                rows + " rows at " + position,
                                shape,
                                RowSet.ALL,
                                bench -> bench.span(0, position, rows, 1));
                    }
                }
            }
        }
    }

    @Test
    void spansOfSeveralSlots() {
        for (RowSet rowSet : RowSet.values()) {
            for (int window : new int[] {0, 24}) {
                Shape shape = Shape.FULL.ring(320, window);
                attention(
                        "decodes",
                        shape,
                        rowSet,
                        bench -> bench.span(3, 17, 1, 1)
                                .span(0, 300, 1, 1)
                                .span(1, 0, 1, 1)
                                .span(2, 64, 1, 1));
                attention(
                        "chunk and decodes",
                        shape,
                        rowSet,
                        bench -> bench.span(1, 200, 1, 1).span(2, 30, 29, 3).span(0, 5, 1, 1));
                attention(
                        "chunks", shape, rowSet, bench -> bench.span(3, 0, 7, 1).span(1, 60, 9, 9));
            }
        }
    }

    @Test
    void softcappedScores() {
        for (double softcap : new double[] {50, 2}) {
            Shape shape = Shape.FULL.scores(softcap, 8);
            decode("", shape, 99);
            attention("chunk", shape, RowSet.ALL, bench -> bench.span(0, 20, 33, 1));
            attention("ring", shape.ring(64, 32), RowSet.ALL, bench -> bench.span(0, 100, 5, 1));
        }
    }

    /** Scores in the hundreds: the softmax must be taken relative to the largest. */
    @Test
    void sharpScores() {
        for (double size : new double[] {30, 300}) {
            decode("", Shape.FULL.scores(0, size), 300);
            attention("chunk", Shape.FULL.scores(0, size), RowSet.ALL, bench -> bench.span(0, 250, 33, 1));
        }
    }

    @Test
    void queriesInSlicesOfWiderRows() {
        attention(
                "slice",
                Shape.FULL,
                RowSet.ALL,
                bench -> bench.span(0, 50, 5, 1).placement(64, 32));
        attention(
                "slice",
                Shape.FULL,
                RowSet.OUTPUT,
                bench -> bench.span(0, 50, 5, 2).placement(3, 5));
    }
}
