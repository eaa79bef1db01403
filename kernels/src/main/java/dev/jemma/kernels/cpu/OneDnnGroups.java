package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.onednn.OneDnnPrimitives;

/**
 * Products with affine weights by oneDNN. Codes of 4 and 8 bits are BF16 numbers as they are, so nothing is rounded:
 * each group of columns is a product of its own, codes times activations in three parts, and the group's scale and bias
 * come in when the groups are summed, in F32. Codes are unpacked three times in a row, {@code [rows, groups, 3,
 * groupSize]}, and activations lie alike, so that the three parts are summed inside the matrix unit.
 */
final class OneDnnGroups {
    /** Bytes of unpacked codes at a time: half of an L2 cache of 2 MB, beside a block of activations. */
    private static final int PANEL_BYTES = 1 << 20;

    /** Most outputs of a panel, and what they are a multiple of. */
    private static final int MAX_OUTPUTS = 128;

    private static final int OUTPUTS = 32;

    /** Fewest rows of activations: with fewer, unpacking three times over is not made up for. */
    static final int MIN_ROWS = 32;

    /**
     * Most columns: with more, so few outputs fit in a panel that reading the activations for each panel takes longer
     * than multiplying (6912 columns: 21 MB of a 512-row prompt for every 32 outputs).
     */
    static final int MAX_COLS = 4096;

    private static final int SMALLEST_GROUP = 32;

    private OneDnnGroups() {}

    /** Outputs of a panel of this many columns. */
    static int outputs(int cols) {
        int fitting = PANEL_BYTES / (2 * OneDnnProducts.PARTS * cols) / OUTPUTS * OUTPUTS;
        return Math.clamp(fitting, OUTPUTS, MAX_OUTPUTS);
    }

    static long panelBytes(int cols) {
        return Math.max(PANEL_BYTES, 2L * OneDnnProducts.PARTS * OUTPUTS * cols);
    }

    /** Bytes of all groups' products with a block of activations. */
    static long productBytes(int cols) {
        return panelBytes(cols) / (2 * OneDnnProducts.PARTS * SMALLEST_GROUP) * 4 * OneDnnProducts.BLOCK;
    }

    /** Bytes of the activations' sums. */
    static long sumBytes(int rows, int cols) {
        return 4L * OneDnnProducts.BLOCK * Math.ceilDiv(rows, OneDnnProducts.BLOCK) * (cols / SMALLEST_GROUP + 1);
    }

    /** Where the sums of the block that begins with this row lie: {@code [groups, BLOCK]}. */
    private static long sums(Scratch scratch, int row, int groups) {
        return scratch.groupSums + 4L * row * groups;
    }

    /** Sums a block of activations by groups. */
    static void sum(Scratch scratch, Tensor x, int firstRow, int count, int groupSize) {
        long sums = sums(scratch, firstRow, x.cols() / groupSize);
        for (int i = 0; i < count; i++) {
            long step = 4L * OneDnnProducts.BLOCK;
            GroupKernels.sums(sums + 4L * i, step, Memory.address(x, firstRow + i), x.cols(), groupSize);
        }
    }

    /** Unpacks {@code count} rows of codes, their scales and biases. */
    static void unpack(AffineWeight w, int begin, int count, Scratch.Worker own) {
        Dots.unpackScales(w, begin, count, 0, w.groupsPerRow(), own);
        for (int i = 0; i < count; i++) {
            long codes = Memory.address(w.codes()) + (begin + i) * w.codeRowBytes();
            long to = own.codes + 2L * OneDnnProducts.PARTS * w.cols() * i;
            GroupKernels.unpack(to, codes, w.cols(), w.groupSize(), w.bits(), OneDnnProducts.PARTS);
        }
    }

    /** Products of the unpacked rows with a block of {@code width} activations, {@code [count, width]}. */
    static void products(
            AffineWeight w, int count, int firstRow, int width, long block, Scratch scratch, Scratch.Worker own) {
        OneDnnPrimitives primitives = own.primitives();
        int groups = w.groupsPerRow();
        int groupCols = OneDnnProducts.PARTS * w.groupSize();
        primitives.groupProducts(count, width, groups, groupCols, own.codes, block, own.groupProducts);
        long sums = sums(scratch, firstRow, groups);
        GroupKernels.combine(own.nativeProduct, own.groupProducts, count, width, groups, own.scales, own.biases, sums);
    }
}
