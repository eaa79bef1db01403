package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;

/** Products of many rows of activations in Java: register tiles over panels of weights that are unpacked once for all. */
final class PanelProducts {
    /** Weight rows of a panel: 8 tiles. */
    static final int PANEL_ROWS = 8 * Tiles.ROWS;

    /**
     * Weight columns of a panel: a multiple of every block of {@link WordOrder} and of every group. With 64 tokens that
     * is 256 KiB of packed activations, beside 192 KiB of panel in an L2 cache of 1 or 2 MiB.
     */
    static final int PANEL_COLS = 1024;

    private final Scratch scratch;
    private final TokenPacking packing;

    PanelProducts(RowPool pool, Scratch scratch) {
        this.scratch = scratch;
        this.packing = new TokenPacking(pool, scratch);
    }

    /** Bytes from one row of products to the next; the extra line keeps the rows of a column in different cache sets. */
    static long productStride(int tokens) {
        return 4L * Scratch.wholeTileColumns(tokens) + 64;
    }

    /** Outputs that a thread should take at a time, of about {@code wanted}. */
    static int grain(int wanted) {
        return Math.min(PANEL_ROWS, Tiles.wholeRows(wanted));
    }

    /** Comes before {@link #outputs}. */
    void pack(int rows, Tensor x, Weight w) {
        packing.pack(rows, x, Dots.perWord(w));
    }

    /** Outputs {@code [begin, end)} of all rows: at most {@link #PANEL_ROWS}. */
    void outputs(int rows, Weight w, Tensor out, int begin, int end, Scratch.Worker own) {
        int count = end - begin;
        long stride = productStride(rows);
        for (int col = 0; col < w.cols(); col += PANEL_COLS) {
            int cols = Math.min(PANEL_COLS, w.cols() - col);
            unpack(w, begin, count, col, cols, own);
            for (int token = 0; token < rows; ) {
                int vectors = Tiles.vectors(rows - token);
                int width = vectors * Lanes.COUNT;
                long x = scratch.packed + 4L * ((long) w.cols() * token + (long) col * width);
                long to = own.product + 4L * token;
                if (col == 0) {
                    Tiles.product(vectors, count, own.panel, 4L * PANEL_COLS, 4, x, to, stride, cols);
                } else {
                    Tiles.product(vectors, count, own.panel, 4L * PANEL_COLS, 4, x, own.part, 4L * width, cols);
                    for (int row = 0; row < count; row++) {
                        RowKernels.add(to + row * stride, to + row * stride, own.part + 4L * width * row, width, 1);
                    }
                }
                token += width;
            }
        }
        for (int token = 0; token < rows; token++) {
            long to = Memory.address(out, token) + 4L * begin;
            TokenPacking.column(to, own.product + 4L * token, stride, count);
        }
    }

    /** Columns {@code [col, col + cols)} of some rows, as floats in word order. */
    private static void unpack(Weight w, int firstRow, int count, int col, int cols, Scratch.Worker own) {
        int groups = 0;
        if (w instanceof AffineWeight affine) {
            groups = Math.ceilDiv(cols, affine.groupSize());
            Dots.unpackScales(affine, firstRow, count, col / affine.groupSize(), groups, own);
        }
        for (int row = 0; row < count; row++) {
            long to = own.panel + 4L * PANEL_COLS * row;
            long element = (long) (firstRow + row) * w.cols() + col;
            switch (w) {
                case DenseWeight dense -> Dots.unpack(to, dense, element, cols, own);
                case AffineWeight affine -> {
                    long codes = Memory.address(affine.codes()) + element * affine.bits() / 8;
                    AffineShape shape = AffineShape.of(affine.bits(), affine.groupSize());
                    Unpack.affineWords(to, codes, cols, shape, own.scales, own.biases, row * groups);
                }
            }
        }
    }
}
