package dev.jemma.models.gemma;

/** The largest of each width over all layers: what memory that layers share must hold. */
record WidestLayer(int headDim, int queryCols, int kvCols, int intermediateSize) {
    static WidestLayer of(GemmaConfig config) {
        int headDim = 0;
        int kvCols = 0;
        int intermediateSize = 0;
        for (LayerConfig layer : config.layers()) {
            headDim = Math.max(headDim, layer.headDim());
            kvCols = Math.max(kvCols, layer.numKvHeads() * layer.headDim());
            intermediateSize = Math.max(intermediateSize, layer.intermediateSize());
        }
        return new WidestLayer(headDim, config.numHeads() * headDim, kvCols, intermediateSize);
    }

    /** Columns of the widest activation but logits. */
    int maxCols(GemmaConfig config) {
        int cols = Math.max(Math.max(config.hiddenSize(), queryCols), Math.max(kvCols, intermediateSize));
        cols = Math.max(cols, config.numLayers() * config.perLayerInputSize());
        ExpertConfig experts = config.experts();
        return experts == null ? cols : Math.max(cols, experts.topK() * experts.intermediateSize());
    }
}
