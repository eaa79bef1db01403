package dev.jemma.kernels.gpu;

import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;

/**
 * Projections. Up to {@link #MAX_GEMV_ROWS} rows: one pass over the weights by {@code gemv*.metal}; more: tiles of
 * {@code gemm.metal}. What is not aligned takes the byte-wise kernels, row by row, or the tiles' byte-wise loads.
 */
final class MatmulOps {
    /** Rows that one pass over the weights serves. From here on tiles use the arithmetic units better. */
    private static final int MAX_GEMV_ROWS = 8;

    private static final int SIMDGROUPS = 2;
    private static final int TILE_OUTS = 64;
    private static final int TILE_ROWS = 32;
    private static final int GEMM_THREADS = 128;

    private final Encoder encoder;
    private final KernelFamily[] gemv;
    private final KernelFamily[] gemvQkv;
    private final KernelFamily[] gemvGeglu;
    private final KernelFamily gemvAny;
    private final KernelFamily gemm;
    private final KernelFamily gemmGeglu;

    MatmulOps(Encoder encoder, Shaders shaders) {
        this.encoder = encoder;
        gemv = byRows(shaders, "gemv_%s");
        gemvQkv = byRows(shaders, "gemv_qkv_%s");
        gemvGeglu = byRows(shaders, "gemv_geglu_%s");
        gemvAny = shaders.byFormat("gemv.metal", "gemv_affine.metal", "gemv_any_%s");
        gemm = shaders.byFormat("gemm.metal", "gemm.metal", "gemm_%s");
        gemmGeglu = shaders.byFormat("gemm.metal", "gemm.metal", "gemm_geglu_%s");
    }

    private static KernelFamily[] byRows(Shaders shaders, String function) {
        return new KernelFamily[] {
            shaders.byFormat("gemv.metal", "gemv_affine.metal", function + "_rows1"),
            shaders.byFormat("gemv.metal", "gemv_affine.metal", function + "_rows4"),
            shaders.byFormat("gemv.metal", "gemv_affine.metal", function + "_rows8")
        };
    }

    private static Kernel forRows(KernelFamily[] kernels, Weight weight, int rows) {
        int size = rows == 1 ? 0 : rows <= 4 ? 1 : 2;
        return kernels[size].of(weight);
    }

    void matmul(Tensor out, Tensor x, Weight w) {
        int rows = encoder.rows(x);
        boolean aligned = Encoder.aligned(x) && WeightFormat.aligned(w);
        if (rows > MAX_GEMV_ROWS) {
            gemm(out, x, w);
        } else if (aligned) {
            encoder.kernel(forRows(gemv, w, rows));
            gemvArgs(out, x, w, encoder.args(6));
            encoder.reads(x);
            encoder.weight(w);
            encoder.writes(out);
            runGemv(Math.ceilDiv(w.rows(), 4));
        } else {
            encoder.kernel(gemvAny.of(w));
            gemvArgs(out, x, w, encoder.args(6));
            encoder.reads(x);
            encoder.weight(w);
            encoder.writes(out);
            encoder.run(Math.ceilDiv(w.rows(), SIMDGROUPS), rows, 1, 32 * SIMDGROUPS);
        }
    }

    private void gemvArgs(Tensor out, Tensor x, Weight w, Args args) {
        args.put(w.rows())
                .put(w.cols())
                .put(encoder.rows(x))
                .put(x.rowStride())
                .put(out.rowStride())
                .put(WeightFormat.groupShift(w));
    }

    /** {@code blocks}: simdgroups needed for one pass. */
    private void runGemv(int blocks) {
        encoder.run(Math.ceilDiv(blocks, SIMDGROUPS), 1, 1, 32 * SIMDGROUPS);
    }

    private void gemm(Tensor out, Tensor x, Weight w) {
        encoder.kernel(gemm.of(w));
        gemvArgs(out, x, w, encoder.args(8));
        gemmAlignment(x, WeightFormat.aligned(w));
        encoder.reads(x);
        encoder.anyWeight(w);
        encoder.writes(out);
        runGemm(w.rows(), TILE_OUTS, x);
    }

    private void gemmAlignment(Tensor x, boolean weightAligned) {
        encoder.currentArgs()
                .put(Encoder.aligned(x) && x.cols() % 4 == 0 ? 1 : 0)
                .put(weightAligned ? 1 : 0);
    }

    private void runGemm(int outs, int outsPerTile, Tensor x) {
        encoder.run(Math.ceilDiv(encoder.rows(x), TILE_ROWS), Math.ceilDiv(outs, outsPerTile), 1, GEMM_THREADS);
    }

    /** One dispatch where the three weights have one format and all is aligned; else three that may overlap. */
    void projectQkv(Qkv out, Tensor x, QkvWeight w) {
        int rows = encoder.rows(x);
        Weight v = w.v() == null ? w.k() : w.v();
        boolean fused = rows <= MAX_GEMV_ROWS
                && Encoder.aligned(x)
                && sameLayout(w.q(), w.k())
                && sameLayout(w.q(), v)
                && WeightFormat.aligned(w.q())
                && WeightFormat.aligned(w.k())
                && WeightFormat.aligned(v);
        if (fused) {
            fusedQkv(out, x, w, v);
            return;
        }
        matmul(out.q(), x, w.q());
        matmul(out.k(), x, w.k());
        if (w.v() != null) {
            matmul(out.v(), x, w.v());
        }
    }

    private void fusedQkv(Qkv out, Tensor x, QkvWeight w, Weight v) {
        Tensor values = w.v() == null ? out.k() : out.v();
        int valueOuts = w.v() == null ? 0 : v.rows();
        encoder.kernel(forRows(gemvQkv, w.q(), encoder.rows(x)));
        Args args = encoder.args(12);
        gemvArgs(out.q(), x, w.q(), args);
        args.put(w.q().rows())
                .put(w.k().rows())
                .put(valueOuts)
                .put(out.q().rowStride())
                .put(out.k().rowStride())
                .put(values.rowStride());
        encoder.reads(x);
        encoder.weight(w.q());
        encoder.weight(w.k());
        encoder.weight(v);
        encoder.writes(out.q());
        encoder.writes(out.k());
        encoder.writes(values);
        runGemv(Math.ceilDiv(w.q().rows(), 4) + Math.ceilDiv(w.k().rows(), 4) + Math.ceilDiv(valueOuts, 4));
    }

    private static boolean sameLayout(Weight a, Weight b) {
        return WeightFormat.of(a) == WeightFormat.of(b) && WeightFormat.groupShift(a) == WeightFormat.groupShift(b);
    }

    /** Whether {@link #gateUpGeglu} takes these weights. */
    boolean fusesGeglu(Tensor x, Weight gate, Weight up) {
        boolean aligned = Encoder.aligned(x) && WeightFormat.aligned(gate) && WeightFormat.aligned(up);
        return sameLayout(gate, up) && (aligned || encoder.rows(x) > MAX_GEMV_ROWS);
    }

    void gateUpGeglu(Tensor out, Tensor x, Weight gate, Weight up) {
        int rows = encoder.rows(x);
        boolean tiles = rows > MAX_GEMV_ROWS;
        encoder.kernel(tiles ? gemmGeglu.of(gate) : forRows(gemvGeglu, gate, rows));
        gemvArgs(out, x, gate, encoder.args(tiles ? 8 : 6));
        if (tiles) {
            gemmAlignment(x, WeightFormat.aligned(gate) && WeightFormat.aligned(up));
        }
        encoder.reads(x);
        if (tiles) {
            encoder.anyWeight(gate);
            encoder.anyWeight(up);
        } else {
            encoder.weight(gate);
            encoder.weight(up);
        }
        encoder.writes(out);
        if (tiles) {
            runGemm(gate.rows(), TILE_OUTS / 2, x);
        } else {
            runGemv(Math.ceilDiv(gate.rows(), 2));
        }
    }
}
