package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.onednn.OneDnnPrimitives;

/**
 * Products with affine weights by oneDNN, in whole numbers. Per row and stretch of columns, weights and activations are
 * integers of 23 bits times a factor, in three digits to the base 256: {@code w = w0 + w1 / 256 + w2 / 65536}. Of
 * their nine products of digits six matter, the others being below 2^-24 of the largest term: {@code w0 x0}, {@code w0
 * x1 + w1 x0} and {@code w0 x2 + w1 x1 + w2 x0}. With the digits of a weight row side by side, and those of an
 * activation in the opposite order, these are three products of INT8 matrices of once, twice and three times the
 * columns, whose sums the matrix units keep exact in INT32. (The scheme of K. Ozaki and others, "Error-free
 * transformations of matrix multiplication", Numerical Algorithms 59, 2012.)
 *
 * <p>Since sums are exact and factors belong to one row alone, an output has the same bits however many rows of
 * activations there are beside.
 */
final class OneDnnDigits {
    /** Rows of activations in a block: those that lie together in the order of {@link OneDnnPrimitives#packDigits}. */
    static final int BLOCK = 32;

    /** Fewest rows of activations: with fewer, unpacking weights to digits is not made up for. */
    static final int MIN_ROWS = 8;

    /**
     * Most columns with one factor. The digits of 256 rows of activations, 983 KB then, stay in an L2 cache of 2 MB while
     * one panel of weights after the other, 492 KB, is unpacked and multiplied.
     */
    private static final int MAX_STRETCH = 1280;

    /** Most weight rows of a panel. */
    static final int PANEL = 128;

    /** Most weight rows that a thread takes at a time. */
    private static final int MAX_OUTPUTS = 256;

    /** Narrowest block. */
    private static final int MIN_WIDTH = 16;

    private OneDnnDigits() {}

    /** Columns of every stretch but the last. */
    private static int stretch(int cols) {
        int stretches = Math.ceilDiv(cols, MAX_STRETCH);
        return padded(Math.ceilDiv(cols, stretches));
    }

    private static int padded(int cols) {
        return Math.ceilDiv(cols, DigitKernels.COLS) * DigitKernels.COLS;
    }

    /** Most outputs that a thread takes at a time. */
    static int maxOutputs() {
        return MAX_OUTPUTS;
    }

    static long panelBytes() {
        return (long) DigitKernels.DIGITS * PANEL * MAX_STRETCH;
    }

    /** Bytes of the three products of a panel with a block. */
    static long productBytes() {
        return DigitKernels.DIGITS * floatBytes();
    }

    /** Bytes of a panel's outputs for a block. */
    static long floatBytes() {
        return 4L * PANEL * BLOCK;
    }

    /** Bytes of the digits of {@code rows} rows of at most {@code cols} columns. */
    static long splitBytes(int rows, int cols) {
        return (long) DigitKernels.DIGITS * Math.ceilDiv(rows, BLOCK) * BLOCK * padded(cols);
    }

    /** Bytes of one block's digits before they are packed. */
    static long digitBytes() {
        return (long) DigitKernels.DIGITS * BLOCK * MAX_STRETCH;
    }

    /** Bytes of the activations' factors: {@code [blocks, stretches, BLOCK]}. */
    static long factorBytes(int rows, int cols) {
        return 4L * BLOCK * Math.ceilDiv(rows, BLOCK) * Math.ceilDiv(cols, MAX_STRETCH);
    }

    private static long factors(Scratch scratch, int row, int cols, int col) {
        int stretches = Math.ceilDiv(cols, stretch(cols));
        return scratch.factors + 4L * BLOCK * ((long) row / BLOCK * stretches + col / stretch(cols));
    }

    /** Where the digits {@code x2, x1, x0} of a stretch of a block lie. */
    private static long digits(Scratch scratch, int row, int cols, int col) {
        return scratch.split + (long) DigitKernels.DIGITS * ((long) row / BLOCK * padded(cols) + col) * BLOCK;
    }

    /** {@code count} rounded up to one of few widths, so that few primitives serve prompts of every length. */
    private static int width(int count) {
        return count <= MIN_WIDTH ? MIN_WIDTH : BLOCK;
    }

    /** Splits the block of activations that begins with this row into digits. */
    static void split(Scratch scratch, Scratch.Worker own, Tensor x, int row, int rows, int bits) {
        int count = Math.min(BLOCK, rows - row);
        int cols = x.cols();
        int stretch = stretch(cols);
        for (int col = 0; col < cols; col += stretch) {
            int n = Math.min(stretch, cols - col);
            int padded = padded(n);
            int rowBytes = DigitKernels.DIGITS * padded;
            long factors = factors(scratch, row, cols, col);
            for (int i = 0; i < count; i++) {
                long from = Memory.address(x, row + i) + 4L * col;
                long to = own.digits + (long) i * rowBytes;
                float largest = DigitKernels.largest(from, n);
                Memory.putF32(factors + 4L * i, largest / (2 * DigitKernels.LARGEST) * 65536);
                DigitKernels.activations(to, from, n, padded, DigitKernels.LARGEST / largest);
                if (bits == 4) {
                    DigitKernels.evenThenOdd(to, rowBytes);
                }
            }
            own.primitives().packDigits(rowBytes, own.digits, digits(scratch, row, cols, col));
        }
    }

    /** Outputs {@code [begin, begin + count)} of all rows. */
    static void outputs(
            AffineWeight w, Tensor out, int begin, int count, int rows, Scratch scratch, Scratch.Worker own) {
        int cols = w.cols();
        int stretch = stretch(cols);
        for (int col = 0; col < cols; col += stretch) {
            int n = Math.min(stretch, cols - col);
            for (int done = 0; done < count; done += PANEL) {
                int first = begin + done;
                int panel = Math.min(PANEL, count - done);
                unpack(w, first, panel, col, n, own);
                for (int row = 0; row < rows; row += BLOCK) {
                    int tokens = Math.min(BLOCK, rows - row);
                    products(panel, width(tokens), padded(n), digits(scratch, row, cols, col), own);
                    long factors = factors(scratch, row, cols, col);
                    DigitKernels.combine(own.sums, own.digitProducts, panel, width(tokens), own.factors, factors);
                    long to = Memory.address(out, row) + 4L * first;
                    turn(panel, tokens, to, out.rowStride(), col > 0, own);
                }
            }
        }
    }

    private static void products(int count, int width, int padded, long block, Scratch.Worker own) {
        int rowBytes = DigitKernels.DIGITS * padded;
        for (int digits = 1; digits <= DigitKernels.DIGITS; digits++) {
            long x = block + (long) BLOCK * (DigitKernels.DIGITS - digits) * padded;
            long to = own.digitProducts + 4L * (digits - 1) * count * width;
            own.primitives().digitProduct(count, width, digits * padded, rowBytes, own.codes, x, to);
        }
    }

    private static void turn(int count, int tokens, long to, int stride, boolean add, Scratch.Worker own) {
        if (add) {
            own.primitives().turnAndAdd(count, tokens, own.sums, width(tokens), to, stride);
        } else {
            own.primitives().turn(count, tokens, own.sums, width(tokens), to, stride);
        }
    }

    /** Digits of {@code n} columns of some rows of weights, and their factors. */
    private static void unpack(AffineWeight w, int begin, int count, int col, int n, Scratch.Worker own) {
        int groups = n / w.groupSize();
        int padded = padded(n);
        Dots.unpackScales(w, begin, count, col / w.groupSize(), groups, own);
        for (int i = 0; i < count; i++) {
            int first = i * groups;
            float largest = DigitKernels.largest(own.scales, own.biases, first, groups, (1 << w.bits()) - 1);
            float multiplier = DigitKernels.LARGEST / largest;
            own.factors[i] = largest / (2 * DigitKernels.LARGEST);
            long codes = Memory.address(w.codes()) + (begin + i) * w.codeRowBytes() + (long) col * w.bits() / 8;
            long to = own.codes + (long) DigitKernels.DIGITS * padded * i;
            if (w.bits() == 4) {
                DigitKernels.tables(own.tables, own.scales, own.biases, first, groups, multiplier);
                DigitKernels.fourBits(to, codes, n, padded, w.groupSize(), own.tables);
            } else {
                DigitKernels.eightBits(to, codes, n, padded, w.groupSize(), own.scales, own.biases, first, multiplier);
            }
        }
    }
}
