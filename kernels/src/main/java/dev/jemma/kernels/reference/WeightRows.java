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
        return elements(memory, w.dtype(), (long) row * w.cols(), w.cols());
    }

    /** {@code count} elements from number {@code first} on. */
    static double[] elements(MemorySegment memory, DType dtype, long first, int count) {
        if (dtype == DType.F32) {
            return Rows.floats(memory, dtype.bytes(first), count);
        }
        short[] stored = new short[count];
        MemorySegment.copy(memory, U16, dtype.bytes(first), stored, 0, count);
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = dtype == DType.F16 ? Float.float16ToFloat(stored[i]) : Float.intBitsToFloat(stored[i] << 16);
        }
        return values;
    }

    private static double[] affineRow(AffineWeight w, int row) {
        MemorySegment codes = HostBuffer.segment(w.codes());
        MemorySegment scales = HostBuffer.segment(w.scales());
        MemorySegment biases = HostBuffer.segment(w.biases());
        long firstGroup = (long) row * w.groupsPerRow();
        double[] scale = elements(scales, w.scaleType(), firstGroup, w.groupsPerRow());
        double[] bias = elements(biases, w.scaleType(), firstGroup, w.groupsPerRow());
        byte[] stored = new byte[w.cols() * w.bits() / 8];
        MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, (long) row * stored.length, stored, 0, stored.length);
        double[] values = new double[w.cols()];
        for (int i = 0; i < values.length; i++) {
            int group = i / w.groupSize();
            values[i] = scale[group] * code(stored, w.bits(), i) + bias[group];
        }
        return values;
    }

    /** Element {@code index} of a sequence of 4-bit or 8-bit codes; of two in a byte the first is the low one. */
    private static int code(byte[] codes, int bits, int index) {
        int unsigned = codes[index * bits / 8] & 0xFF;
        if (bits == 8) {
            return unsigned;
        }
        return index % 2 == 0 ? unsigned & 0xF : unsigned >>> 4;
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
