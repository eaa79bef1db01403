package dev.jemma.models.gemma;

import dev.jemma.kernels.DType;
import dev.jemma.kvcache.KvCacheSpec;
import dev.jemma.kvcache.LayerGeometry;
import java.util.ArrayList;
import java.util.List;

/** Which cache layer each decoder layer reads: its own, or that of the layer it shares keys and values with. */
final class KvLayout {
    private final List<LayerGeometry> geometries = new ArrayList<>();
    private final int[] cacheLayers;

    KvLayout(GemmaConfig config) {
        cacheLayers = new int[config.numLayers()];
        for (int i = 0; i < config.numLayers(); i++) {
            LayerConfig layer = config.layers().get(i);
            if (config.ownsKv(i)) {
                cacheLayers[i] = geometries.size();
                int window = layer.sliding() ? config.slidingWindow() : 0;
                geometries.add(new LayerGeometry(layer.numKvHeads(), layer.headDim(), window));
            } else {
                cacheLayers[i] = cacheLayers[layer.kvSource()];
            }
        }
    }

    int cacheLayer(int layer) {
        return cacheLayers[layer];
    }

    KvCacheSpec spec(int slots, int contextSize, int maxChunk, DType dtype) {
        return new KvCacheSpec(geometries, slots, contextSize, maxChunk, dtype);
    }
}
