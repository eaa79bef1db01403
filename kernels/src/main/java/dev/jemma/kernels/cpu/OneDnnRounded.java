package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.onednn.OneDnnPrimitives;

/**
 * Products of operands rounded to BF16, summed in F32, by oneDNN: what tensor cores make of prompts on GPUs. BF16 weights
 * are multiplied where they lie; affine ones are dequantized a panel at a time, rounded, and serve all rows of activations
 * then. Weights are the left factor, because its rows are read as they are; so the result is turned on its way out.
 *
 * <p>Activations for affine weights lie in the order in which {@link Bf16Panels} leaves the weights: the word order of
 * pairs of BF16 numbers.
 */
final class OneDnnRounded {
    /** Rows of activations that are multiplied at a time. */
    static final int BLOCK = 64;

    /** Fewest rows of activations in a block; it is one of few widths, so that few primitives serve all prompts. */
    private static final int MIN_WIDTH = 16;

    /** Most weight rows that are multiplied at a time. */
    private static final int MAX_OUTPUTS = 256;

    /** Outputs are shared out in multiples of this, a pair of AMX tiles. */
    private static final int OUTPUTS = 32;

    /** Bytes of a dequantized panel, which stays in an L2 cache of 1 MB beside a block of activations. */
    private static final int PANEL_BYTES = 384 << 10;

    /** Chunks for each thread of a product too small for whole ones. */
    private static final int CHUNKS_PER_THREAD = 2;

    private final RowPool pool;
    private final Scratch scratch;
    private final RowTask roundTask = this::roundBlocks;
    private Tensor x;
    private int rows;
    private int perWord;

    @SuppressWarnings("NullAway.Init")
    OneDnnRounded(RowPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    /** Bytes of {@code rows} rounded rows of at most {@code cols} columns. */
    static long roundedBytes(int rows, int cols) {
        return 2L * Math.ceilDiv(rows, BLOCK) * BLOCK * cols;
    }

    /** Whether such products can be computed here, of any number of rows. */
    static boolean takes(Tensor x, Weight w) {
        return x.rowStride() == x.cols()
                && w.cols() >= OneDnnProducts.MIN_COLS
                && w.cols() % 2 == 0
                && (w instanceof AffineWeight || ((DenseWeight) w).dtype() == DType.BF16);
    }

    /** How many outputs a thread takes at a time. */
    int grain(Weight w, int outputs) {
        int share = Math.ceilDiv(outputs, CHUNKS_PER_THREAD * pool.threads());
        return Math.min(maxOutputs(w), Math.ceilDiv(share, OUTPUTS) * OUTPUTS);
    }

    private static int maxOutputs(Weight w) {
        int panel = w instanceof AffineWeight ? PANEL_BYTES / (2 * w.cols()) / OUTPUTS * OUTPUTS : MAX_OUTPUTS;
        return Math.clamp(panel, 2 * OUTPUTS, MAX_OUTPUTS);
    }

    /** @param w one of the weights that will be multiplied */
    void round(int rows, Tensor x, Weight w) {
        this.rows = rows;
        this.x = x;
        perWord = w instanceof AffineWeight affine ? 32 / affine.bits() : 0;
        pool.run(roundTask, Math.ceilDiv(rows, BLOCK), 1);
    }

    private void roundBlocks(int worker, int from, int to) {
        Scratch.Worker own = scratch.worker(worker);
        int cols = x.cols();
        for (int row = from * BLOCK; row < Math.min(rows, to * BLOCK); row += BLOCK) {
            int count = Math.min(BLOCK, rows - row);
            long rounded = perWord == 0 ? block(row, cols) : own.rests;
            own.primitives().split(count, cols, 1, Memory.address(x, row), rounded, 0, 0);
            for (int i = 0; perWord > 0 && i < count; i++) {
                WordOrder.arrange(block(row + i, cols), rounded + 2L * i * cols, cols / 2, perWord / 2);
            }
        }
    }

    /** Where this row lies. */
    private long block(int row, int cols) {
        return scratch.split + 2L * row * cols;
    }

    private static int width(int count) {
        return Math.max(MIN_WIDTH, Integer.highestOneBit(2 * count - 1));
    }

    /** Where they lie, or where AMX reads them faster. */
    private long dense(DenseWeight w, int begin, int count, Scratch.Worker own) {
        long at = Memory.address(w.at()) + 2L * begin * w.cols();
        return scratch.hasTiles() ? OneDnnProducts.aligned(at, 2L * count * w.cols(), rows, own) : at;
    }

    /** Outputs {@code [begin, end)} of all rows. */
    void outputs(Weight w, Tensor out, int begin, int end, Scratch.Worker own) {
        OneDnnPrimitives primitives = own.primitives();
        int count = end - begin;
        int cols = w.cols();
        long weights = switch (w) {
            case DenseWeight dense -> dense(dense, begin, count, own);
            case AffineWeight affine -> Bf16Panels.dequantize(affine, begin, count, own);
        };
        for (int row = 0; row < rows; row += BLOCK) {
            int n = Math.min(BLOCK, rows - row);
            int width = width(n);
            primitives.product(count, width, cols, weights, block(row, cols), own.nativeProduct);
            long to = Memory.address(out, row) + 4L * begin;
            primitives.turn(count, n, own.nativeProduct, width, to, out.rowStride());
        }
    }
}
