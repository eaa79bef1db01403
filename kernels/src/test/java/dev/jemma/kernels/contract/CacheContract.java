package dev.jemma.kernels.contract;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.Tensor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** RoPE, head norms, and what is stored in the cache. */
public abstract class CacheContract extends ContractFixture {
    private static final int[] HEAD_DIMS = {2, 8, 64, 128, 256, 512};

    /** Cosines and sines of random angles. */
    private static Tensor rotations(Bench bench, RowSet rows, int headDim) {
        double[] elements = new double[bench.count(rows) * headDim];
        for (int i = 0; i < elements.length; i++) {
            int pair = i % headDim % (headDim / 2);
            double angle = (i / headDim + 1) * 0.7 + pair * 1.3;
            elements[i] = (float) (i % headDim < headDim / 2 ? Math.cos(angle) : Math.sin(angle));
        }
        return bench.input("rotations", rows, headDim, elements);
    }

    @Test
    void rope() {
        for (int headDim : HEAD_DIMS) {
            for (int heads : new int[] {1, 3, 8}) {
                for (int rows : ROWS) {
                    RowSet rowSet = heads == 3 ? RowSet.OUTPUT : RowSet.ALL;
                    compare("rope of " + rows + " rows, " + heads + " heads of " + headDim, bench -> {
                        bench.span(0, 0, rows, rows).placement(heads, 0);
                        Tensor x = bench.inOut("x", rowSet, heads * headDim);
                        Tensor rotations = rotations(bench, rowSet, headDim);
                        bench.compare(x, new RotatedHeads(bench, rotations, null).tolerance(x));
                        bench.run(c -> c.rope(x, rotations));
                    });
                }
            }
        }
    }

    @Test
    void headNormRope() {
        for (int headDim : HEAD_DIMS) {
            for (int rows : ROWS) {
                for (boolean normed : new boolean[] {true, false}) {
                    compare("headNormRope of " + rows + " rows, heads of " + headDim + ", norm " + normed, bench -> {
                        bench.span(0, 0, rows, rows);
                        RowSet rowSet = rows == 5 ? RowSet.OUTPUT : RowSet.ALL;
                        Tensor q = bench.inOut("q", rowSet, 4 * headDim);
                        Tensor rotations = rotations(bench, rowSet, headDim);
                        Norm norm = normed ? bench.norm(headDim, true) : null;
                        bench.compare(q, new RotatedHeads(bench, rotations, norm).tolerance(q));
                        bench.run(c -> c.headNormRope(q, new HeadNorms(norm, null, null), rotations));
                    });
                }
            }
        }
    }

    private static void mixedSpans(Bench bench) {
        bench.span(2, 70, 1, 1).span(0, 3, 4, 1).span(3, 30, 7, 2);
    }

    @Test
    void storeKv() {
        for (DType dtype : new DType[] {DType.F16, DType.F32}) {
            for (int headDim : HEAD_DIMS) {
                for (int window : new int[] {0, 20}) {
                    compare("storeKv " + dtype + ", heads of " + headDim + ", window " + window, bench -> {
                        mixedSpans(bench);
                        bench.placement(headDim / 2, 3);
                        CacheBlocks cache = bench.cache(dtype, 4, 2, headDim, window == 0 ? 80 : 32, window)
                                .storeRows();
                        Tensor k = bench.input("k", RowSet.ALL, 2 * headDim);
                        Tensor v = bench.input("v", RowSet.ALL, 2 * headDim);
                        bench.run(c -> c.storeKv(cache.view(), k, v));
                    });
                }
            }
        }
    }

    /** Halfway cases go to even, what is too large saturates, what is small keeps its last bits. */
    @Test
    void storeKvRoundsToF16() {
        double[] numbers = {
            0x1.002p0,
            0x1.006p0,
            0x1.0021p0,
            0x1.001fp0,
            -0x1.002p0,
            65504,
            65519,
            65520,
            1e9,
            -1e9,
            0x1p-14,
            0x1.ffcp-15,
            0x1p-24,
            0x1.8p-24,
            0x1p-25,
            0x1.01p-25,
            0x1p-26,
            0,
            -0.0,
            1 / 3f,
            1e-5f,
            2049,
            2050,
            2051
        };
        compare("storeKv of edge cases", bench -> {
            bench.span(1, 2, 1, 1);
            CacheBlocks cache =
                    bench.cache(DType.F16, 2, 1, numbers.length, 4, 0).storeRows();
            Tensor k = bench.input("k", RowSet.ALL, numbers.length, numbers);
            Tensor v = bench.input("v", RowSet.ALL, numbers.length, numbers);
            bench.run(c -> c.storeKv(cache.view(), k, v));
        });
    }

    @Test
    void copySlot() {
        for (DType dtype : new DType[] {DType.F16, DType.F32}) {
            for (int rows : new int[] {0, 1, 5, 33, 40}) {
                compare("copySlot " + dtype + " of " + rows + " rows", bench -> {
                    bench.span(0, 0, 1, 1);
                    CacheBlocks cache = bench.cache(dtype, 3, 2, 24, 40, 0).storeSlot(1, rows);
                    bench.run(c -> c.copySlot(cache.view(), 2, 1, rows));
                });
            }
        }
    }

    /** Keys stored by one op of a step are read by the next, and a later step sees those of an earlier one. */
    @Test
    void attentionReadsWhatWasStored() {
        compare("storeKv and attention over three steps", bench -> {
            bench.span(1, 30, 3, 1).span(0, 0, 2, 1);
            CacheBlocks cache =
                    bench.cache(DType.F32, 2, 1, 64, 22, 20).storeSlot(0, 22).storeSlot(1, 22);
            Tensor q = bench.input("q", RowSet.ALL, 128);
            Tensor k = bench.input("k", RowSet.ALL, 64);
            Tensor v = bench.input("v", RowSet.ALL, 64);
            Tensor out = bench.output("out", RowSet.ALL, 128);
            // Scores of about 1: rounding is that of a few hundred additions of numbers up to 5.
            bench.compare(out, (row, col, expected) -> 1e-4);
            for (int step = 0; step < 3; step++) {
                bench.run(c -> {
                    c.storeKv(cache.view(), k, v);
                    c.attention(out, q, cache.view(), 0.125f, 0);
                });
                bench.step().clear();
                bench.span(0, 40 + 3 * step, 3, 1).span(1, 33 + 2 * step, 2, 1);
            }
        });
    }

    @Test
    void headNormRopeStore() {
        for (int headDim : HEAD_DIMS) {
            for (DType dtype : new DType[] {DType.F16, DType.F32}) {
                for (boolean valuesFromKeys : new boolean[] {false, true}) {
                    for (int norms = 0; norms < 4; norms++) {
                        headNormRopeStore(dtype, headDim, valuesFromKeys, norms);
                    }
                }
            }
        }
    }

    /** @param norms 0: none, 1: queries and keys, 2: values, 3: all */
    private void headNormRopeStore(DType dtype, int headDim, boolean valuesFromKeys, int norms) {
        String what = "headNormRopeStore " + dtype + ", heads of " + headDim + ", norms " + norms;
        compare(what + (valuesFromKeys ? ", values from keys" : ""), bench -> {
            mixedSpans(bench);
            Tensor q = bench.inOut("q", RowSet.ALL, 4 * headDim);
            Tensor k = bench.consumed("k", RowSet.ALL, 2 * headDim);
            Tensor v = valuesFromKeys
                    ? bench.scratch("v", RowSet.ALL, 2 * headDim)
                    : bench.consumed("v", RowSet.ALL, 2 * headDim);
            Tensor rotations = rotations(bench, RowSet.ALL, headDim);
            Norm queryNorm = norms % 2 == 1 ? bench.norm(headDim, true) : null;
            Norm keyNorm = norms % 2 == 1 ? bench.norm(headDim, true) : null;
            Norm valueNorm = norms / 2 == 1 ? bench.norm(headDim, false) : null;
            CacheBlocks cache = bench.cache(dtype, 4, 2, headDim, 26, 20).storeRows();
            bench.compare(q, new RotatedHeads(bench, rotations, queryNorm).tolerance(q));
            cache.compare(
                    stored(bench, cache, new RotatedHeads(bench, rotations, keyNorm).tolerance(k)),
                    stored(bench, cache, valueTolerance(valueNorm)));
            HeadNorms headNorms = new HeadNorms(queryNorm, keyNorm, valueNorm);
            bench.run(c -> c.headNormRopeStore(new Qkv(q, k, v, valuesFromKeys), headNorms, rotations, cache.view()));
        });
    }

    private Tolerance valueTolerance(@Nullable Norm norm) {
        return norm == null
                ? Tolerance.EXACT
                : (row, col, expected) -> arithmetic().norm(norm.size()) * Math.abs(expected);
    }

    /**
     * A tolerance of the cache, a row of which is one position of one head, from that of the activation that is stored:
     * where two numbers are close but not equal, F16 may round them to neighbours.
     */
    private static Tolerance stored(Bench bench, CacheBlocks cache, Tolerance activation) {
        return (cacheRow, col, expected) -> {
            int capacity = cache.view().capacity();
            int head = cacheRow / capacity % cache.view().numKvHeads();
            int slot = cacheRow / capacity / cache.view().numKvHeads();
            RowTable rows = bench.step().rows(RowSet.ALL);
            for (int r = 0; r < rows.count(); r++) {
                if (rows.slot(r) == slot && cache.view().row(rows.position(r)) == cacheRow % capacity) {
                    double bound = activation.bound(r, head * cache.view().headDim() + col, expected);
                    boolean mayRoundApart = bound > 0 && cache.view().dtype() == DType.F16;
                    return bound + (mayRoundApart ? 0x1p-10 * Math.abs(expected) + 0x1p-24 : 0);
                }
            }
            return 0;
        };
    }
}
