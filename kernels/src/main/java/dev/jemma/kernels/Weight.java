package dev.jemma.kernels;

/** A weight matrix {@code [rows, cols]} = [outputs, inputs], row-major, in the type it has in the checkpoint. Owns nothing. */
public sealed interface Weight permits DenseWeight, AffineWeight {
    /** Outputs of the projection; entries of an embedding table. */
    int rows();

    /** Inputs of the projection; width of an embedding. */
    int cols();

    /** Bytes that reading the whole matrix once moves. */
    long byteSize();

    /** Rows {@code [firstRow, firstRow + count)} as a matrix of their own. */
    Weight slice(int firstRow, int count);
}
