package dev.jemma.kernels;

/**
 * Rotary position embedding of one kind of layer. Pairs are (i, i + headDim/2); pair i of position p turns by the angle
 * {@code p * inverseFrequencies[i]}, the product rounded to F32 as Hugging Face computes it. A frequency of 0 leaves a
 * pair as it is.
 *
 * @param inverseFrequencies {@code [headDim / 2]}
 */
public record Rope(VectorF32 inverseFrequencies) {
    public int headDim() {
        return 2 * inverseFrequencies.length();
    }
}
