package dev.jemma.kernels;

/**
 * An activation: a row-major view {@code [rows of the step, cols]} of device memory. How many rows it has is the
 * step's business ({@link Step#count}); the memory must hold the most rows that a step may have. Owns nothing.
 *
 * @param at where element (0, 0) lies
 * @param dtype F32, or I32 for ids
 * @param rows which rows of the step it holds
 * @param cols elements of a row
 * @param rowStride elements from one row to the next; more than {@code cols} for a slice of wider rows
 */
public record Tensor(Region at, DType dtype, RowSet rows, int cols, int rowStride) {
    public Tensor {
        if (cols <= 0 || rowStride < cols) {
            throw new IllegalArgumentException(
                    at.buffer().label() + ": expected 0 < cols <= rowStride, got " + cols + " and " + rowStride);
        }
        if (dtype != DType.F32 && dtype != DType.I32) {
            throw new IllegalArgumentException(at.buffer().label() + ": activations are F32 or I32, got " + dtype);
        }
    }

    /** A dense F32 view of a whole buffer from its start. */
    public static Tensor f32(DeviceBuffer buffer, RowSet rows, int cols) {
        return new Tensor(new Region(buffer, 0), DType.F32, rows, cols, cols);
    }

    /** A dense I32 view of a whole buffer from its start. */
    public static Tensor i32(DeviceBuffer buffer, RowSet rows, int cols) {
        return new Tensor(new Region(buffer, 0), DType.I32, rows, cols, cols);
    }

    /** Columns {@code [firstCol, firstCol + count)} of every row. */
    public Tensor columns(int firstCol, int count) {
        if (firstCol < 0 || count <= 0 || firstCol + count > cols) {
            throw new IllegalArgumentException(at.buffer().label() + ": columns " + firstCol + " to "
                    + (firstCol + count) + " lie outside 0 to " + cols);
        }
        return new Tensor(at.plus(dtype.bytes(firstCol)), dtype, rows, count, rowStride);
    }

    /** Bytes from the first to past the last element of the first {@code numRows} rows. */
    public long byteSpan(int numRows) {
        return numRows == 0 ? 0 : dtype.bytes((numRows - 1L) * rowStride + cols);
    }

    /** Byte offset in the buffer of element (row, 0). */
    public long rowOffset(int row) {
        return at.byteOffset() + dtype.bytes((long) row * rowStride);
    }
}
