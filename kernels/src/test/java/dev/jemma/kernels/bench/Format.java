package dev.jemma.kernels.bench;

/** How weights are stored; the last two in groups of 64 with BF16 scales. */
public enum Format {
    BF16,
    F16,
    F32,
    BITS8,
    BITS4
}
