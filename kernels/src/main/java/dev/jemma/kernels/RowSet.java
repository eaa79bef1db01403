package dev.jemma.kernels;

/** Which rows of a {@link Step} an activation holds. */
public enum RowSet {
    /** Every row of the step, in step order. */
    ALL,
    /** Only the rows whose logits are wanted, in step order. */
    OUTPUT
}
