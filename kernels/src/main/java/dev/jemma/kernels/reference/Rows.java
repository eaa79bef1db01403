package dev.jemma.kernels.reference;

import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.host.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The elements of an activation, by row and column. */
record Rows(MemorySegment memory, Tensor tensor) {
    // Activations may start anywhere in a buffer.
    static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
    static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;

    static Rows of(Tensor tensor) {
        return new Rows(HostBuffer.segment(tensor), tensor);
    }

    static double[] vector(VectorF32 vector) {
        MemorySegment memory = HostBuffer.segment(vector.at());
        double[] values = new double[vector.length()];
        for (int i = 0; i < values.length; i++) {
            values[i] = memory.get(F32, (long) i * Float.BYTES);
        }
        return values;
    }

    int cols() {
        return tensor.cols();
    }

    float at(int row, int col) {
        return memory.get(F32, offset(row, col));
    }

    /** Rounds {@code value} to F32. */
    void put(int row, int col, double value) {
        memory.set(F32, offset(row, col), (float) value);
    }

    int idAt(int row, int col) {
        return memory.get(I32, offset(row, col));
    }

    void putId(int row, int col, int id) {
        memory.set(I32, offset(row, col), id);
    }

    double[] row(int row) {
        return row(row, 0, cols());
    }

    /** Columns {@code [firstCol, firstCol + count)} of a row. */
    double[] row(int row, int firstCol, int count) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = at(row, firstCol + i);
        }
        return values;
    }

    private long offset(int row, int col) {
        return tensor.rowOffset(row) + (long) col * tensor.dtype().byteSize();
    }
}
