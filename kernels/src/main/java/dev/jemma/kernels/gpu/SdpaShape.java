package dev.jemma.kernels.gpu;

/**
 * Shape of a scaled dot-product attention: queries and output {@code [batch, numHeads, seqLen, headDim]}, keys and values
 * {@code [batch, numKvHeads, kvCapacity, headDim]} of which {@code kvSeqLen} rows hold keys. The last query is as old as
 * the last key.
 *
 * @param headDim at most {@link #MAX_HEAD_DIM}
 * @param scale what multiplies {@code q.k}
 */
public record SdpaShape(
        int batch, int numHeads, int numKvHeads, int headDim, int seqLen, int kvSeqLen, int kvCapacity, float scale) {
    /** Columns that the kernels hold in registers, 16 a lane. */
    public static final int MAX_HEAD_DIM = 512;

    public SdpaShape {
        if (batch <= 0 || numHeads <= 0 || numKvHeads <= 0 || headDim <= 0 || seqLen <= 0 || kvSeqLen <= 0) {
            throw new IllegalArgumentException("sdpa: expected positive sizes, got batch " + batch + ", " + numHeads
                    + " heads, " + numKvHeads + " kv heads, head size " + headDim + ", " + seqLen + " queries, "
                    + kvSeqLen + " keys");
        }
        if (numHeads % numKvHeads != 0) {
            throw new IllegalArgumentException(
                    "sdpa: " + numHeads + " heads do not divide into groups of " + numKvHeads + " kv heads");
        }
        if (headDim > MAX_HEAD_DIM) {
            throw new IllegalArgumentException("sdpa: head size " + headDim + " exceeds " + MAX_HEAD_DIM);
        }
        if (kvSeqLen > kvCapacity || seqLen > kvSeqLen) {
            throw new IllegalArgumentException("sdpa: expected queries <= keys <= capacity, got " + seqLen + ", "
                    + kvSeqLen + " and " + kvCapacity);
        }
    }

    long queryElements() {
        return Math.multiplyExact(Math.multiplyExact((long) batch * numHeads, seqLen), (long) headDim);
    }

    long keyElements() {
        return Math.multiplyExact(Math.multiplyExact((long) batch * numKvHeads, kvCapacity), (long) headDim);
    }
}
