package dev.jemma.kernels.reference;

import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.host.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The elements of an activation, by row and column. Whole rows are copied at once: the interpreter, which runs a process's
 * first step, takes 300 ns to read one element through a memory segment, and 10 through an array.
 */
record Rows(MemorySegment memory, Tensor tensor) {
    // Activations may start anywhere in a buffer.
    static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
    static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;

    static Rows of(Tensor tensor) {
        return new Rows(HostBuffer.segment(tensor), tensor);
    }

    static double[] vector(VectorF32 vector) {
        MemorySegment memory = HostBuffer.segment(vector.at());
        return floats(memory, 0, vector.length());
    }

    /** {@code count} F32 elements from a byte offset on. */
    static double[] floats(MemorySegment memory, long offset, int count) {
        float[] elements = new float[count];
        MemorySegment.copy(memory, F32, offset, elements, 0, count);
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = elements[i];
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
        return floats(memory, offset(row, firstCol), count);
    }

    /** Columns from {@code firstCol} on become {@code values}, rounded to F32. */
    void putRow(int row, int firstCol, double[] values) {
        float[] rounded = new float[values.length];
        for (int i = 0; i < rounded.length; i++) {
            rounded[i] = (float) values[i];
        }
        MemorySegment.copy(rounded, 0, memory, F32, offset(row, firstCol), rounded.length);
    }

    private long offset(int row, int col) {
        return tensor.rowOffset(row) + (long) col * tensor.dtype().byteSize();
    }
}
