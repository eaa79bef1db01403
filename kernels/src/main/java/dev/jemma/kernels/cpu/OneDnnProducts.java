package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.onednn.OneDnnPrimitives;

/**
 * Products by oneDNN. Its matrix units take BF16 numbers, whose products they sum in F32; BF16 weights are multiplied
 * where they lie. Every activation is split into three BF16 numbers of 8 bits each, whose sum it is, so that nothing is
 * lost. (Two leave 2^-19 of an activation on average. That is below the contract's bounds from 128 columns on, but
 * golden checkpoints, whose norms enlarge small differences, then miss by 6e-5 where 5e-5 are allowed.)
 *
 * <p>Activations come in blocks of up to 64 rows, {@code [3 * width, cols]}: first the rounded ones, then what
 * rounding left. Weights are the left factor, because its rows are read as they are, and the right one is rearranged
 * for every product; so the result is turned on its way out, where its parts are added.
 */
final class OneDnnProducts {
    /** Fewest columns that are worth a call. */
    static final int MIN_COLS = 64;

    /** Parts of an activation. */
    static final int PARTS = 3;

    /** Rows of activations that are multiplied at a time. */
    static final int BLOCK = 64;

    /** Weight rows that are multiplied at a time with several blocks: 1.5 MB of common weights, to stay in an L2 cache. */
    private static final int MAX_OUTPUTS = 256;

    /** The same with one block, for which weights are read once: fewer calls, of longer runs of memory. */
    private static final int MAX_OUTPUTS_OF_ONE_BLOCK = 1024;

    /** Floats of the products of one chunk of weights with one block of activations. */
    private static final int PRODUCTS = MAX_OUTPUTS * columns(BLOCK);

    private static final int LINE = 64;

    /** Rows of activations from which on weights are copied to cache lines. */
    private static final int MIN_COPY_ROWS = 32;

    /** Outputs are shared out in multiples of this, a pair of AMX tiles. */
    private static final int OUTPUTS = 32;

    /** Chunks for each thread of a product too small for whole ones. */
    private static final int CHUNKS_PER_THREAD = 2;

    /** Fewest rows of activations in a block, for which there are matrix units. */
    private static final int MIN_BLOCK = 4;

    /** Floats of the vectors that {@link DigitKernels} are written for. */
    private static final int LANES = 16;

    private final RowPool pool;
    private final Scratch scratch;
    private final RowTask splitTask = this::splitBlocks;
    private Tensor x;
    private int rows;
    private int bits;

    @SuppressWarnings("NullAway.Init")
    OneDnnProducts(RowPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    /** Bytes of the products of one chunk of weights with one block of activations. */
    static long productBytes() {
        return 4L * PRODUCTS;
    }

    /** Bytes of the weights of one chunk that are copied. */
    static long weightBytes(int cols) {
        return 2L * MAX_OUTPUTS_OF_ONE_BLOCK * cols;
    }

    /** Bytes of the split activations of {@code rows} rows of at most {@code cols} columns. */
    static long splitBytes(int rows, int cols) {
        long parts = 2L * Math.ceilDiv(rows, BLOCK) * columns(BLOCK) * cols;
        return Math.max(parts, Math.max(OneDnnDigits.splitBytes(rows, cols), OneDnnRounded.roundedBytes(rows, cols)));
    }

    /** Bytes of what is left of a block's activations between two parts. */
    static long restBytes(int cols) {
        return 4L * BLOCK * 2 * cols;
    }

    /** Whether such products can be computed here, of any number of rows. */
    static boolean takes(Tensor x, Weight w) {
        if (x.rowStride() != x.cols() || w.cols() < MIN_COLS) {
            return false;
        }
        return switch (w) {
            case DenseWeight dense -> dense.dtype() == DType.BF16;
            case AffineWeight _ -> Lanes.COUNT == LANES;
        };
    }

    /** How many outputs a thread takes at a time. */
    int grain(int rows, Weight w, int outputs) {
        int share = Math.ceilDiv(outputs, CHUNKS_PER_THREAD * pool.threads());
        return Math.min(maxOutputs(rows, w), Math.ceilDiv(share, OUTPUTS) * OUTPUTS);
    }

    private static int maxOutputs(int rows, Weight w) {
        if (w instanceof AffineWeight) {
            return OneDnnDigits.maxOutputs();
        }
        return rows > BLOCK ? MAX_OUTPUTS : Math.min(MAX_OUTPUTS_OF_ONE_BLOCK, PRODUCTS / columns(width(rows)));
    }

    /** @param w one of the weights that will be multiplied */
    void split(int rows, Tensor x, Weight w) {
        this.rows = rows;
        this.x = x;
        bits = w instanceof AffineWeight affine ? affine.bits() : 0;
        pool.run(splitTask, Math.ceilDiv(rows, bits > 0 ? OneDnnDigits.BLOCK : BLOCK), 1);
    }

    private void splitBlocks(int worker, int from, int to) {
        Scratch.Worker own = scratch.worker(worker);
        for (int i = from; i < to; i++) {
            if (bits > 0) {
                OneDnnDigits.split(scratch, own, x, i * OneDnnDigits.BLOCK, rows, bits);
                continue;
            }
            int row = i * BLOCK;
            int count = Math.min(BLOCK, rows - row);
            long step = 2L * width(count) * x.cols();
            long parts = block(row, x.cols());
            own.primitives().split(count, x.cols(), PARTS, Memory.address(x, row), parts, step, own.rests);
        }
    }

    /** Where the block that begins with this row lies. */
    private long block(int row, int cols) {
        return scratch.split + 2L * (row / BLOCK) * columns(BLOCK) * cols;
    }

    /** {@code count} rounded up to one of few widths, so that few primitives serve prompts of every length. */
    private static int width(int count) {
        return Math.max(MIN_BLOCK, Integer.highestOneBit(2 * count - 1));
    }

    /**
     * Columns of the right factor for a block of this width: all parts, and where those fill one and a half of oneDNN's
     * stretches of 32, as many again as fill two, which it multiplies in less time. What they hold does not matter.
     */
    private static int columns(int width) {
        return width <= 16 ? 4 * width : PARTS * width;
    }

    /** Outputs {@code [begin, end)} of all rows. */
    void outputs(Weight w, Tensor out, int begin, int end, Scratch.Worker own) {
        switch (w) {
            case DenseWeight dense -> outputs(dense, out, begin, end, own);
            case AffineWeight affine -> OneDnnDigits.outputs(affine, out, begin, end - begin, rows, scratch, own);
        }
    }

    /**
     * Where weights lie at cache lines: a copy, if they do not where they are and serve many rows. AMX reads tiles by rows
     * of 64 bytes, and files align weights to 8: reading across lines makes a prompt of 270M take a sixth longer.
     */
    static long aligned(long weights, long bytes, int rows, Scratch.Worker own) {
        if (weights % LINE == 0 || rows < MIN_COPY_ROWS) {
            return weights;
        }
        Memory.copy(own.denseWeights, weights, bytes);
        return own.denseWeights;
    }

    private void outputs(DenseWeight w, Tensor out, int begin, int end, Scratch.Worker own) {
        OneDnnPrimitives primitives = own.primitives();
        int count = end - begin;
        int cols = w.cols();
        long from = aligned(Memory.address(w.at()) + 2L * begin * cols, 2L * count * cols, rows, own);
        for (int row = 0; row < rows; row += BLOCK) {
            int n = Math.min(BLOCK, rows - row);
            int width = width(n);
            int columns = columns(width);
            primitives.product(count, columns, cols, from, block(row, cols), own.nativeProduct);
            long to = Memory.address(out, row) + 4L * begin;
            primitives.turn(count, n, own.nativeProduct, columns, to, out.rowStride());
            for (int part = 1; part < PARTS; part++) {
                long rest = own.nativeProduct + 4L * part * width;
                primitives.turnAndAdd(count, n, rest, columns, to, out.rowStride());
            }
        }
    }
}
