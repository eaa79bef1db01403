package dev.jemma.kernels;

/**
 * An unquantized matrix in F32, F16 or BF16. The bytes lie as in the file: little-endian and not necessarily aligned
 * to the element size on devices that read files in place.
 */
public record DenseWeight(Region at, DType dtype, int rows, int cols) implements Weight {
    public DenseWeight {
        if (dtype == DType.I32) {
            throw new IllegalArgumentException(at.buffer().label() + ": weights are F32, F16 or BF16, got I32");
        }
        if (rows <= 0 || cols <= 0 || dtype.bytes((long) rows * cols) > at.remaining()) {
            throw new IllegalArgumentException(at.buffer().label() + ": [" + rows + ", " + cols + "] " + dtype
                    + " does not fit in " + at.remaining() + " bytes");
        }
    }

    @Override
    public long byteSize() {
        return dtype.bytes((long) rows * cols);
    }

    @Override
    public DenseWeight slice(int firstRow, int count) {
        if (firstRow < 0 || firstRow + count > rows) {
            throw new IllegalArgumentException("rows " + firstRow + " to " + (firstRow + count) + " of " + rows);
        }
        return new DenseWeight(at.plus(dtype.bytes((long) firstRow * cols)), dtype, count, cols);
    }
}
