package dev.jemma.kernels;

/** {@code length} constants in F32, dense: a norm's factors, RoPE frequencies, expert scales. Owns nothing. */
public record VectorF32(Region at, int length) {
    public VectorF32 {
        if (length <= 0 || DType.F32.bytes(length) > at.remaining()) {
            throw new IllegalArgumentException(
                    at.buffer().label() + ": " + length + " floats do not fit in " + at.remaining() + " bytes");
        }
    }
}
