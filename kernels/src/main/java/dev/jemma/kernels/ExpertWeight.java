package dev.jemma.kernels;

/**
 * One projection of every expert, stacked in one matrix: expert {@code e}'s {@code [rows, cols]} matrix is rows
 * {@code e * rowStride + firstRow} and on of {@code stack}. Hugging Face stacks gate and up rows of an expert together
 * ({@code rowStride = 2 * rows}), MLX keeps them apart.
 */
public record ExpertWeight(Weight stack, int numExperts, int rowStride, int firstRow, int rows) {
    public ExpertWeight {
        if (numExperts <= 0
                || rows <= 0
                || firstRow < 0
                || firstRow + rows > rowStride
                || (long) numExperts * rowStride != stack.rows()) {
            throw new IllegalArgumentException("experts: " + numExperts + " x " + rowStride + " rows (using " + rows
                    + " from " + firstRow + ") do not make up a stack of " + stack.rows());
        }
    }

    public int cols() {
        return stack.cols();
    }

    /** Expert {@code e}'s matrix. */
    public Weight expert(int e) {
        return stack.slice(e * rowStride + firstRow, rows);
    }
}
