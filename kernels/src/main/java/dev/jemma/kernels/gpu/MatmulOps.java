package dev.jemma.kernels.gpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import org.jspecify.annotations.Nullable;

/**
 * Projections. Up to {@link #MAX_GEMV_ROWS} rows: one pass over the weights by {@code gemv*.metal}; more: tiles of
 * {@code gemm.metal}. Where the driver has them, {@link SplitGemm} for a few rows and {@link TensorCoreGemm} for many. What
 * is not aligned takes the byte-wise kernels, row by row, or the tiles' byte-wise loads.
 */
final class MatmulOps implements AutoCloseable {
    /** Rows that one pass over the weights serves. From here on tiles use the arithmetic units better. */
    private static final int MAX_GEMV_ROWS = 8;

    /** Of a threadgroup; where inputs are split, more may share outputs: up to {@link #MAX_SPLITS}. */
    private static final int SIMDGROUPS = 4;

    /** MAX_SIMDGROUPS of gemv.h. */
    private static final int MAX_SPLITS = 8;

    /** Outputs that a simdgroup makes at once. */
    private static final int OUTS = 4;

    /** Inputs are not split into less. */
    private static final int MIN_SPLIT_COLS = 256;

    private static final int TILE_OUTS = 64;
    private static final int TILE_ROWS = 32;
    private static final int GEMM_THREADS = 128;

    /** How often a matrix fills the device with simdgroups before its inputs are split no more. */
    private static final int DENSE_ROUNDS = 8;

    private final Encoder encoder;
    private final GpuLimits limits;
    private final boolean rowInvariant;
    private final @Nullable Bf16Activations activations;
    private final @Nullable TensorCoreGemm tensorCores;
    private final @Nullable SplitGemm fewRows;
    private final @Nullable TensorCoreGemv own;
    private final KernelFamily[] gemv;
    private final KernelFamily[] gemvQkv;
    private final KernelFamily[] gemvGeglu;
    private final KernelFamily gemvAny;
    private final KernelFamily gemm;
    private final KernelFamily gemmGeglu;

    MatmulOps(Encoder encoder, Shaders shaders, GpuDriver driver, StepLimits steps, KernelChoice choice) {
        this.encoder = encoder;
        limits = driver.limits();
        rowInvariant = choice == KernelChoice.BATCH_INVARIANT;
        boolean split = steps.numExperts() > 0;
        if (limits.matrixUnits() || SplitGemm.isOffered(driver)) {
            int splitRows = split || rowInvariant ? steps.maxRows() : Math.min(steps.maxRows(), SplitGemm.MOST_ROWS);
            long rows = Math.max(steps.maxRows(), 2L * splitRows);
            activations = new Bf16Activations(encoder, shaders, driver, rows * steps.maxCols());
            encoder.tell(activations);
            tensorCores = limits.matrixUnits()
                    ? new TensorCoreGemm(encoder, shaders, driver, activations, split, rowInvariant)
                    : null;
            fewRows = SplitGemm.isOffered(driver) ? new SplitGemm(encoder, shaders, driver, activations) : null;
        } else {
            activations = null;
            tensorCores = null;
            fewRows = null;
        }
        own = TensorCoreGemv.of(shaders, driver).orElse(null);
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
        if (rowInvariant) {
            rowInvariantMatmul(out, x, w);
            return;
        }
        int rows = encoder.rows(x);
        SplitGemm split = forFewRows(x, w);
        if (split != null) {
            split.matmul(out, x, w);
        } else if (rows > MAX_GEMV_ROWS) {
            if (tensorCores != null && TensorCoreGemm.takes(out, x, w)) {
                tensorCores.matmul(out, x, w);
            } else {
                gemm(out, x, w);
            }
        } else if (gemvTakes(x, w)) {
            gemv(out, x, w, null);
        } else {
            encoder.kernel(gemvAny.of(w));
            gemvArgs(out, x, w, encoder.args(7), 1);
            encoder.reads(x);
            encoder.weight(w);
            encoder.writes(out);
            encoder.run(Math.ceilDiv(w.rows(), SIMDGROUPS), rows, 1, 32 * SIMDGROUPS);
        }
    }

    /** The driver's kernels for few rows, where they take these; a single row has better ones. */
    private @Nullable SplitGemm forFewRows(Tensor x, Weight w) {
        int rows = encoder.rows(x);
        return fewRows != null && rows > 1 && SplitGemm.isFasterFor(rows, w) && SplitGemm.takes(x, w) ? fewRows : null;
    }

    /**
     * Which kernel a row takes depends on the weight, and on whether it is a decode: on CUDA those of few rows then, else
     * the vendor's; tiles elsewhere, and for weights that neither takes.
     */
    private void rowInvariantMatmul(Tensor out, Tensor x, Weight w) {
        if (!fewRowsTakes(x, w)) {
            rowInvariantMatmulOfPrompts(out, x, w);
            return;
        }
        int rows = encoder.rows(x);
        for (int first = 0; first < rows; ) {
            first = encoder.overNextKind(x.rows(), first);
            if (fewRows != null && encoder.isDecode()) {
                fewRows.matmul(out, x, w);
            } else {
                rowInvariantMatmulOfPrompts(out, x, w);
            }
        }
        encoder.overAll();
    }

    private boolean fewRowsTakes(Tensor x, Weight w) {
        return fewRows != null && SplitGemm.takes(x, w);
    }

    private void rowInvariantMatmulOfPrompts(Tensor out, Tensor x, Weight w) {
        if (tensorCores != null && TensorCoreGemm.takes(out, x, w)) {
            tensorCores.matmul(out, x, w);
        } else if (fewRows != null && SplitGemm.takes(x, w)) {
            fewRows.matmul(out, x, w);
        } else {
            gemm(out, x, w);
        }
    }

    /** Whether {@link #gatedMatmul} takes this weight. */
    boolean fusesGated(Tensor x, Weight w) {
        return !rowInvariant && forFewRows(x, w) == null && gemvTakes(x, w);
    }

    private boolean gemvTakes(Tensor x, Weight w) {
        return encoder.rows(x) <= MAX_GEMV_ROWS && Encoder.aligned(x) && WeightFormat.aligned(w);
    }

    /** {@code out = gelu_tanh(w x) * up}. */
    void gatedMatmul(Tensor out, Tensor x, Weight w, Tensor up) {
        gemv(out, x, w, up);
    }

    private void gemv(Tensor out, Tensor x, Weight w, @Nullable Tensor up) {
        if (own != null && encoder.rows(x) == 1 && TensorCoreGemv.takes(w, TensorCoreGemv.WIDE_OUTS)) {
            TensorCoreGemv.Form form = own.matmul(w);
            gemv(out, x, w, up, form.kernel(), 1);
            runOwn(form, w.rows());
            return;
        }
        int blocks = Math.ceilDiv(w.rows(), OUTS);
        int splits = splits(blocks, w);
        gemv(out, x, w, up, forRows(gemv, w, encoder.rows(x)), splits);
        runGemv(blocks, splits);
    }

    private void gemv(Tensor out, Tensor x, Weight w, @Nullable Tensor up, Kernel kernel, int splits) {
        encoder.kernel(kernel);
        Args args = encoder.args(9);
        gemvArgs(out, x, w, args, splits);
        args.put(up == null ? 0 : 1).put(up == null ? 0 : up.rowStride());
        encoder.reads(x);
        encoder.weight(w);
        encoder.reads(up == null ? x : up);
        encoder.writes(out);
    }

    private void runOwn(TensorCoreGemv.Form form, int outs) {
        encoder.run(outs / form.outs(), 1, 1, 32 * form.simdgroups());
    }

    /**
     * How many simdgroups share a block of outputs. Affine weights: while that leaves them at most as many as fill the
     * device, since each has its share of unpacking to set up. Dense ones: until they fill the device several times over,
     * so that the last ones to run leave little of it idle.
     */
    private int splits(int blocks, Weight w) {
        int most = w instanceof AffineWeight ? limits.busySimdgroups() : 2 * DENSE_ROUNDS * limits.busySimdgroups();
        int splits = 1;
        while (splits < MAX_SPLITS && 2 * blocks * splits <= most && w.cols() >= 2 * splits * MIN_SPLIT_COLS) {
            splits *= 2;
        }
        return splits;
    }

    private void gemvArgs(Tensor out, Tensor x, Weight w, Args args) {
        args.put(w.rows())
                .put(w.cols())
                .put(encoder.rows(x))
                .put(x.rowStride())
                .put(out.rowStride())
                .put(WeightFormat.groupShift(w));
    }

    private void gemvArgs(Tensor out, Tensor x, Weight w, Args args, int splits) {
        gemvArgs(out, x, w, args);
        args.put(splits);
    }

    private void runGemv(int blocks, int splits) {
        int simdgroups = Math.max(SIMDGROUPS, splits);
        encoder.run(Math.ceilDiv(blocks * splits, simdgroups), 1, 1, 32 * simdgroups);
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
        Weight v = w.v() == null ? w.k() : w.v();
        if (!rowInvariant && sameLayout(w.q(), w.k()) && sameLayout(w.q(), v)) {
            SplitGemm split = forFewRows(x, w.q());
            if (split != null && SplitGemm.takes(x, w.k()) && SplitGemm.takes(x, v)) {
                split.matmuls(x, out.q(), w.q(), out.k(), w.k(), w.v() == null ? null : out.v(), w.v());
                return;
            }
            if (gemvTakes(x, w.q()) && gemvTakes(x, w.k()) && gemvTakes(x, v)) {
                fusedQkv(out, x, w, v);
                return;
            }
        }
        matmul(out.q(), x, w.q());
        matmul(out.k(), x, w.k());
        if (w.v() != null) {
            matmul(out.v(), x, w.v());
        }
    }

    private void fusedQkv(Qkv out, Tensor x, QkvWeight w, Weight v) {
        int valueOuts = w.v() == null ? 0 : v.rows();
        if (own != null
                && encoder.rows(x) == 1
                && TensorCoreGemv.takes(w.q(), TensorCoreGemv.WIDE_OUTS)
                && TensorCoreGemv.takes(w.k(), TensorCoreGemv.WIDE_OUTS)
                && TensorCoreGemv.takes(v, TensorCoreGemv.WIDE_OUTS)) {
            int outs = w.q().rows() + w.k().rows() + valueOuts;
            TensorCoreGemv.Form form = own.qkv(w.q(), outs);
            fusedQkv(out, x, w, form.kernel(), 1);
            runOwn(form, outs);
            return;
        }
        int blocks =
                Math.ceilDiv(w.q().rows(), OUTS) + Math.ceilDiv(w.k().rows(), OUTS) + Math.ceilDiv(valueOuts, OUTS);
        int splits = splits(blocks, w.q());
        fusedQkv(out, x, w, forRows(gemvQkv, w.q(), encoder.rows(x)), splits);
        runGemv(blocks, splits);
    }

    private void fusedQkv(Qkv out, Tensor x, QkvWeight w, Kernel kernel, int splits) {
        Weight v = w.v() == null ? w.k() : w.v();
        Tensor values = w.v() == null ? out.k() : out.v();
        int valueOuts = w.v() == null ? 0 : v.rows();
        encoder.kernel(kernel);
        Args args = encoder.args(13);
        gemvArgs(out.q(), x, w.q(), args, splits);
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
    }

    private static boolean sameLayout(Weight a, Weight b) {
        return WeightFormat.of(a) == WeightFormat.of(b) && WeightFormat.groupShift(a) == WeightFormat.groupShift(b);
    }

    /** Whether {@link #gateUpGeglu} takes these weights. */
    boolean fusesGeglu(Tensor out, Tensor x, Weight gate, Weight up) {
        boolean tiles = rowInvariant || encoder.rows(x) > MAX_GEMV_ROWS;
        if (forFewRows(x, gate) != null
                || (rowInvariant && fewRowsTakes(x, gate))
                || (tiles && tensorCores != null && TensorCoreGemm.takes(out, x, gate))) {
            return false;
        }
        boolean aligned = Encoder.aligned(x) && WeightFormat.aligned(gate) && WeightFormat.aligned(up);
        return sameLayout(gate, up) && (aligned || tiles);
    }

    void gateUpGeglu(Tensor out, Tensor x, Weight gate, Weight up) {
        if (rowInvariant || encoder.rows(x) > MAX_GEMV_ROWS) {
            gemmGeglu(out, x, gate, up);
            return;
        }
        if (own != null
                && encoder.rows(x) == 1
                && TensorCoreGemv.takes(gate, TensorCoreGemv.WIDE_OUTS / 2)
                && TensorCoreGemv.takes(up, TensorCoreGemv.WIDE_OUTS / 2)) {
            TensorCoreGemv.Form form = own.geglu(gate);
            gemvGeglu(out, x, gate, up, form.kernel(), 1);
            runOwn(form, gate.rows());
            return;
        }
        int blocks = Math.ceilDiv(gate.rows(), OUTS / 2);
        int splits = splits(blocks, gate);
        gemvGeglu(out, x, gate, up, forRows(gemvGeglu, gate, encoder.rows(x)), splits);
        runGemv(blocks, splits);
    }

    private void gemvGeglu(Tensor out, Tensor x, Weight gate, Weight up, Kernel kernel, int splits) {
        encoder.kernel(kernel);
        gemvArgs(out, x, gate, encoder.args(7), splits);
        encoder.reads(x);
        encoder.weight(gate);
        encoder.weight(up);
        encoder.writes(out);
    }

    private void gemmGeglu(Tensor out, Tensor x, Weight gate, Weight up) {
        encoder.kernel(gemmGeglu.of(gate));
        gemvArgs(out, x, gate, encoder.args(8));
        gemmAlignment(x, WeightFormat.aligned(gate) && WeightFormat.aligned(up));
        encoder.reads(x);
        encoder.anyWeight(gate);
        encoder.anyWeight(up);
        encoder.writes(out);
        runGemm(gate.rows(), TILE_OUTS / 2, x);
    }

    @Override
    public void close() {
        if (tensorCores != null) {
            tensorCores.close();
        }
        if (activations != null) {
            activations.close();
        }
    }
}
