package dev.jemma.kvcache;

import dev.jemma.kernels.DType;
import java.util.List;

/**
 * The size of a cache, before any memory is taken.
 *
 * @param layers the layers that own keys and values, in order
 * @param slots sequences held at once
 * @param contextSize positions of a sequence
 * @param maxChunk most rows of one sequence in one step
 * @param dtype F16, or F32 for tests
 */
public record KvCacheSpec(List<LayerGeometry> layers, int slots, int contextSize, int maxChunk, DType dtype) {
    public KvCacheSpec {
        layers = List.copyOf(layers);
        if (slots <= 0 || contextSize <= 0 || maxChunk <= 0) {
            throw new IllegalArgumentException("kv cache: expected positive sizes, got " + slots + " slots, context "
                    + contextSize + ", chunk " + maxChunk);
        }
    }

    /** Rows that a slot of this layer has. */
    public int capacity(int layer) {
        return RingCapacity.of(layers.get(layer), contextSize, maxChunk);
    }

    /** Bytes of the keys of one layer, all slots; the values take as many. */
    public long keyBytes(int layer) {
        LayerGeometry geometry = layers.get(layer);
        long rows = Math.multiplyExact((long) slots * geometry.numKvHeads(), capacity(layer));
        return dtype.bytes(Math.multiplyExact(rows, geometry.headDim()));
    }

    /** Bytes of the whole cache. */
    public long byteSize() {
        long bytes = 0;
        for (int layer = 0; layer < layers.size(); layer++) {
            bytes = Math.addExact(bytes, 2 * keyBytes(layer));
        }
        return bytes;
    }
}
