package dev.jemma.kernels.reference;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.host.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Rows of a weight matrix as numbers, whatever type they are stored in. */
final class WeightRows {
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private WeightRows() {}

    static double[] row(Weight weight, int row) {
        return switch (weight) {
            case DenseWeight dense -> denseRow(dense, row);
            case AffineWeight affine -> affineRow(affine, row);
        };
    }

    private static double[] denseRow(DenseWeight w, int row) {
        MemorySegment memory = HostBuffer.segment(w.at());
        double[] values = new double[w.cols()];
        for (int i = 0; i < values.length; i++) {
            values[i] = element(memory, w.dtype(), (long) row * w.cols() + i);
        }
        return values;
    }

    private static double[] affineRow(AffineWeight w, int row) {
        MemorySegment codes = HostBuffer.segment(w.codes());
        MemorySegment scales = HostBuffer.segment(w.scales());
        MemorySegment biases = HostBuffer.segment(w.biases());
        double[] values = new double[w.cols()];
        for (int i = 0; i < values.length; i++) {
            long group = (long) row * w.groupsPerRow() + i / w.groupSize();
            double scale = element(scales, w.scaleType(), group);
            double bias = element(biases, w.scaleType(), group);
            values[i] = scale * code(codes, w.bits(), (long) row * w.cols() + i) + bias;
        }
        return values;
    }

    /** Element {@code index} of a sequence of 4-bit or 8-bit codes; of two in a byte the first is the low one. */
    private static int code(MemorySegment codes, int bits, long index) {
        int unsigned = codes.get(ValueLayout.JAVA_BYTE, index * bits / 8) & 0xFF;
        if (bits == 8) {
            return unsigned;
        }
        return index % 2 == 0 ? unsigned & 0xF : unsigned >>> 4;
    }

    private static float element(MemorySegment memory, DType dtype, long index) {
        long offset = dtype.bytes(index);
        return switch (dtype) {
            case F32 -> memory.get(F32, offset);
            case F16 -> Float.float16ToFloat(memory.get(U16, offset));
            case BF16 -> Float.intBitsToFloat(memory.get(U16, offset) << 16);
            case I32 -> throw new IllegalArgumentException("weights are floating-point");
        };
    }

    /** {@code sum_i w[row, i] * x[i]} for every row. */
    static double[] times(Weight weight, double[] x) {
        double[] products = new double[weight.rows()];
        for (int o = 0; o < products.length; o++) {
            products[o] = dot(row(weight, o), x);
        }
        return products;
    }

    static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
