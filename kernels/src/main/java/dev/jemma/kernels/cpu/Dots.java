package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Weight;

/** Products of a range of weight rows with one or few rows of activations, whatever the weights' type. */
final class Dots {
    private Dots() {}

    /** Elements of a 32-bit word of the weights' codes, which decides the order that activations must be in. */
    static int perWord(Weight w) {
        return switch (w) {
            case DenseWeight dense -> dense.dtype() == DType.BF16 ? 2 : 1;
            case AffineWeight affine -> 32 / affine.bits();
        };
    }

    /** Weights per sum of activations, 0 for weights that need none. */
    static int groupSize(Weight w) {
        return switch (w) {
            case DenseWeight dense -> 0;
            case AffineWeight affine -> affine.groupSize();
        };
    }

    /** Bytes of one row of weights, scales included. */
    static long rowBytes(Weight w) {
        return Math.max(1, w.byteSize() / w.rows());
    }

    /** Bytes from one row of weights to the next, without scales. */
    static long streamRowBytes(Weight w) {
        return switch (w) {
            case DenseWeight dense -> (long) dense.dtype().byteSize() * dense.cols();
            case AffineWeight affine -> affine.codeRowBytes();
        };
    }

    /**
     * Brings one row of activations into the order of the weights, and sums it by groups.
     *
     * @param rows how many rows {@link #rows} will get
     */
    static void arrange(Inputs to, long x, Weight w, int rows) {
        WordOrder.arrange(to.x(), x, w.cols(), perWord(w));
        int groupSize = groupSize(w);
        if (groupSize > 0 && rows == 1) {
            AffineDots.prepare(to.x(), to.sums(), x, w.cols(), AffineShape.of(32 / perWord(w), groupSize));
        }
    }

    /** Few rows of activations as {@link #arrange} leaves them. Strides in bytes. */
    record Inputs(long x, long xStride, long sums, long sumsStride) {}

    /** {@code out[t, r] = w[firstRow + r] . x[t]} for {@code rows} weight rows and {@code tokens} rows of activations. */
    static void rows(
            long out, long outStride, Inputs in, int tokens, Weight w, int firstRow, int rows, Scratch.Worker scratch) {
        switch (w) {
            case DenseWeight dense -> {
                long from = Memory.address(dense.at()) + (long) dense.dtype().byteSize() * firstRow * w.cols();
                dense(out, outStride, in, tokens, dense, from, rows, scratch);
            }
            case AffineWeight affine -> affine(out, outStride, in, tokens, affine, firstRow, rows, scratch);
        }
    }

    /**
     * The same for one row of activations, with sums as {@link Lanes#sum} has them and one kernel for all types: each row
     * of weights is unpacked first.
     */
    static void orderedRows(long out, Inputs in, Weight w, int firstRow, int rows, Scratch.Worker scratch) {
        for (int row = 0; row < rows; row++) {
            unpackRow(w, firstRow + row, scratch);
            Memory.putF32(out + 4L * row, DenseDots.f32Ordered(in.x(), scratch.weights, w.cols()));
        }
    }

    /** One row of weights as floats in word order. */
    private static void unpackRow(Weight w, int row, Scratch.Worker s) {
        long element = (long) row * w.cols();
        switch (w) {
            case DenseWeight dense -> unpack(s.weights, dense, element, w.cols(), s);
            case AffineWeight affine -> {
                unpackScales(affine, row, 1, 0, affine.groupsPerRow(), s);
                long codes = Memory.address(affine.codes()) + row * affine.codeRowBytes();
                AffineShape shape = AffineShape.of(affine.bits(), affine.groupSize());
                Unpack.affineWords(s.weights, codes, w.cols(), shape, s.scales, s.biases, 0);
            }
        }
    }

    /** {@code count} neighbouring elements as floats in word order; the first starts a block. */
    static void unpack(long to, DenseWeight w, long element, int count, Scratch.Worker s) {
        long from = Memory.address(w.at()) + w.dtype().byteSize() * element;
        switch (w.dtype()) {
            case F32 -> Memory.copy(to, from, 4L * count);
            case BF16 -> Unpack.bf16Words(to, from, count);
            case F16 -> Unpack.f16ToMemory(to, from, count, s.halves);
            case I32 -> throw new AssertionError("weights are floating-point");
        }
    }

    private static void dense(
            long out, long outStride, Inputs in, int tokens, DenseWeight w, long from, int rows, Scratch.Worker s) {
        int cols = w.cols();
        if (w.dtype() != DType.BF16 && tokens > 1) {
            for (int i = 0; i < rows; i++) {
                int row = Streams.oneByOne(i, rows);
                long at = from + (long) w.dtype().byteSize() * row * cols;
                if (w.dtype() == DType.F16) {
                    Unpack.f16ToMemory(s.weights, at, cols, s.halves);
                    at = s.weights;
                }
                floats(out + 4L * row, outStride, in, tokens, at, cols);
            }
            return;
        }
        int token = 0;
        for (; token + 4 <= tokens; token += 4) {
            long x = in.x() + token * in.xStride();
            DenseDots.bf16ByFour(out + token * outStride, outStride, x, in.xStride(), from, cols, rows);
        }
        for (; token < tokens; token++) {
            long to = out + token * outStride;
            long x = in.x() + token * in.xStride();
            switch (w.dtype()) {
                case F32 -> DenseDots.f32(to, x, from, cols, rows);
                case BF16 -> DenseDots.bf16(to, x, from, cols, rows);
                case F16 -> DenseDots.f16(to, x, from, cols, rows, s.halves);
                case I32 -> throw new AssertionError("weights are floating-point");
            }
        }
    }

    private static void affine(
            long out, long outStride, Inputs in, int tokens, AffineWeight w, int firstRow, int rows, Scratch.Worker s) {
        int groups = w.groupsPerRow();
        AffineShape shape = AffineShape.of(w.bits(), w.groupSize());
        int rowsAtOnce = Math.max(1, Scratch.SCALES / groups);
        for (int done = 0; done < rows; done += rowsAtOnce) {
            int n = Math.min(rowsAtOnce, rows - done);
            int first = firstRow + done;
            unpackScales(w, first, n, 0, groups, s);
            long codes = Memory.address(w.codes()) + first * w.codeRowBytes();
            long to = out + 4L * done;
            if (tokens == 1) {
                AffineDots.rows(to, in.x(), in.sums(), codes, shape, s.scales, s.biases, w.cols(), n);
                continue;
            }
            for (int i = 0; i < n; i++) {
                int row = Streams.oneByOne(i, n);
                long from = codes + row * w.codeRowBytes();
                Unpack.affineWords(s.weights, from, w.cols(), shape, s.scales, s.biases, row * groups);
                floats(to + 4L * row, outStride, in, tokens, s.weights, w.cols());
            }
        }
    }

    /** One row of weights, already floats, with each of the tokens. */
    private static void floats(long out, long outStride, Inputs in, int tokens, long w, int cols) {
        int token = 0;
        for (; token + 4 <= tokens; token += 4) {
            long x = in.x() + token * in.xStride();
            DenseDots.f32ByFour(out + token * outStride, outStride, x, in.xStride(), w, cols);
        }
        for (; token < tokens; token++) {
            DenseDots.f32(out + token * outStride, in.x() + token * in.xStride(), w, cols, 1);
        }
    }

    /** Scales and biases of groups {@code [firstGroup, firstGroup + groups)} of each of {@code rows} rows, dense. */
    static void unpackScales(
            AffineWeight w, int firstRow, int rows, int firstGroup, int groups, Scratch.Worker scratch) {
        int perRow = w.groupsPerRow();
        // Whole rows are one run.
        int runs = groups == perRow ? 1 : rows;
        int length = groups == perRow ? rows * groups : groups;
        for (int run = 0; run < runs; run++) {
            long at = w.scaleType().byteSize() * (((long) firstRow + run) * perRow + firstGroup);
            unpack(scratch.scales, run * groups, w.scaleType(), Memory.address(w.scales()) + at, length);
            unpack(scratch.biases, run * groups, w.scaleType(), Memory.address(w.biases()) + at, length);
        }
    }

    private static void unpack(float[] out, int at, DType dtype, long from, int count) {
        switch (dtype) {
            case F32 -> Unpack.f32(out, at, from, count);
            case F16 -> Unpack.f16(out, at, from, count);
            case BF16 -> Unpack.bf16(out, at, from, count);
            case I32 -> throw new AssertionError("scales are floating-point");
        }
    }
}
