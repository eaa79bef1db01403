package dev.jemma.models.gemma;

/**
 * Rotary embedding of one kind of layer.
 *
 * @param theta base of the frequencies
 * @param factor what linear scaling divides every frequency by; 1 for none
 * @param rotatedFraction share of the pairs that turn at all (Gemma 4's "proportional" RoPE: 0.25); 1 for all
 */
public record RopeConfig(float theta, float factor, float rotatedFraction) {

    /**
     * {@code theta^(-2i / headDim) / factor} for the first {@code rotatedFraction} of the {@code headDim / 2} pairs, 0
     * for the others. The exponent's denominator is the whole head also where only a part turns.
     *
     * @return {@code [headDim / 2]}
     */
    public float[] inverseFrequencies(int headDim) {
        float[] frequencies = new float[headDim / 2];
        int rotated = (int) (rotatedFraction * headDim / 2);
        for (int i = 0; i < rotated; i++) {
            frequencies[i] = (float) (1.0 / (Math.pow(theta, 2.0 * i / headDim) * factor));
        }
        return frequencies;
    }
}
