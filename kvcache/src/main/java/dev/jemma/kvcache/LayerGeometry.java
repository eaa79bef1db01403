package dev.jemma.kvcache;

/**
 * What one layer caches of a sequence.
 *
 * @param window keys that a query sees, its own included; 0 for all (a full layer)
 */
public record LayerGeometry(int numKvHeads, int headDim, int window) {
    public LayerGeometry {
        if (numKvHeads <= 0 || headDim <= 0 || window < 0) {
            throw new IllegalArgumentException("kv cache layer: expected positive sizes, got " + numKvHeads + " heads, "
                    + headDim + " columns, window " + window);
        }
    }

    public boolean isSliding() {
        return window > 0;
    }
}
