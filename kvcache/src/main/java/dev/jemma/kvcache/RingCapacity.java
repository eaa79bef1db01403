package dev.jemma.kvcache;

/** The one place that says how many rows a layer's cache has. */
final class RingCapacity {
    /** Rows are padded to what attention kernels read at a time, so that none reads past a cache's end. */
    private static final int ROW_PADDING = 32;

    private RingCapacity() {}

    /**
     * A full layer keeps every position. A sliding layer keeps {@code window + maxChunk - 1}: with a chunk's n keys
     * stored at once, its first query still needs the {@code window - 1} before it. A ring never needs to exceed the
     * context, where it would not wrap.
     */
    static int of(LayerGeometry layer, int contextSize, int maxChunk) {
        int rows = layer.isSliding() ? Math.min(contextSize, layer.window() + maxChunk - 1) : contextSize;
        return Math.ceilDiv(rows, ROW_PADDING) * ROW_PADDING;
    }
}
