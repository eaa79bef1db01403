package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Tensor;

/**
 * Activations of many rows, turned so that {@link Tiles} reads the same column of a tile's rows as vectors. The tile
 * whose first row is t lies at {@code 4 * cols * t}: {@code [cols, vectors * Lanes.COUNT]}, columns in word order.
 * Columns of rows beyond the last hold what was there before; their products are ignored.
 */
final class TokenPacking {
    /** Columns that are turned at a time: a multiple of every block of {@link WordOrder}. */
    private static final int BLOCK_COLS = 256;

    /** From one row of a block to the next; the extra line keeps the rows of a column in different cache sets. */
    private static final long BLOCK_STRIDE = 4L * BLOCK_COLS + 64;

    static final long BLOCK_BYTES = BLOCK_STRIDE * Tiles.MAX_VECTORS * Lanes.COUNT;

    private final RowPool pool;
    private final Scratch scratch;
    private final RowTask task = this::blocks;
    private Tensor x;
    private int rows;
    private int perWord;
    private int blocksPerTile;

    @SuppressWarnings("NullAway.Init")
    TokenPacking(RowPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    void pack(int rows, Tensor x, int perWord) {
        this.x = x;
        this.rows = rows;
        this.perWord = perWord;
        blocksPerTile = Math.ceilDiv(x.cols(), BLOCK_COLS);
        int tiles = Math.ceilDiv(rows, Tiles.MAX_VECTORS * Lanes.COUNT);
        pool.run(task, tiles * blocksPerTile, 1);
    }

    private void blocks(int worker, int from, int to) {
        long block = scratch.worker(worker).block;
        for (int i = from; i < to; i++) {
            int col = i % blocksPerTile * BLOCK_COLS;
            int cols = Math.min(BLOCK_COLS, x.cols() - col);
            int token = i / blocksPerTile * Tiles.MAX_VECTORS * Lanes.COUNT;
            int end = Math.min(rows, token + Tiles.MAX_VECTORS * Lanes.COUNT);
            // The last full-width stretch may be made of several narrower tiles.
            while (token < end) {
                int width = Tiles.vectors(rows - token) * Lanes.COUNT;
                int count = Math.min(width, rows - token);
                for (int t = 0; t < count; t++) {
                    WordOrder.arrange(block + t * BLOCK_STRIDE, Memory.address(x, token + t) + 4L * col, cols, perWord);
                }
                turn(scratch.packed + 4L * ((long) x.cols() * token + (long) col * width), width, block, count, cols);
                token += width;
            }
        }
    }

    /** {@code out[k, t] = block[t, k]}, {@code out} being {@code width} wide. */
    private static void turn(long out, int width, long block, int count, int cols) {
        for (int k = 0; k < cols; k++) {
            column(out + 4L * width * k, block + 4L * k, BLOCK_STRIDE, count);
        }
    }

    /** {@code out[i]} = the float at {@code from + i * stride}. */
    static void column(long out, long from, long stride, int count) {
        for (int i = 0; i < count; i++) {
            Memory.putF32(out + 4L * i, Memory.f32(from + i * stride));
        }
    }
}
