package dev.jemma.kernels.gpu;

/**
 * A multiplication by the vendor's kernels: {@code out[rows, outs] = x[rows, cols] w[outs, cols]^T}.
 *
 * @param outStride elements from one row of {@code out} to the next
 * @param accumulates whether the product is added to what {@code out} holds
 * @param rowInvariant whether a row's results must be the same whatever number of rows it is one of
 */
public record Product(int rows, int outs, int cols, int outStride, boolean accumulates, boolean rowInvariant) {}
