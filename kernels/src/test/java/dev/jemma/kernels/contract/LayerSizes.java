package dev.jemma.kernels.contract;

/** Sizes of {@link SampleLayer}. */
public record LayerSizes(int hiddenSize, int intermediateSize, int numHeads, int numKvHeads, int headDim) {
    public static final LayerSizes GEMMA_3_1B = new LayerSizes(1152, 6912, 4, 1, 256);
    public static final LayerSizes GEMMA_3_270M = new LayerSizes(640, 2048, 4, 1, 256);

    /** For backends that compute one number at a time. */
    public static final LayerSizes SMALL = new LayerSizes(128, 192, 4, 2, 64);

    int queryCols() {
        return numHeads * headDim;
    }

    int keyCols() {
        return numKvHeads * headDim;
    }
}
