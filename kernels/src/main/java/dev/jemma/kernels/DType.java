package dev.jemma.kernels;

/** Element types of activations, caches and unquantized weights. */
public enum DType {
    F32(4),
    F16(2),
    BF16(2),
    I32(4);

    private final int byteSize;

    DType(int byteSize) {
        this.byteSize = byteSize;
    }

    /** Bytes of one element. */
    public int byteSize() {
        return byteSize;
    }

    /** Bytes of {@code elements} elements. */
    public long bytes(long elements) {
        return Math.multiplyExact(elements, byteSize);
    }
}
