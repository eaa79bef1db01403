package dev.jemma.models.gemma;

/**
 * What one decoder layer does differently from its neighbours.
 *
 * @param sliding attends to the last {@code slidingWindow} keys; otherwise to all
 * @param headDim columns of a head
 * @param numKvHeads key-value heads
 * @param valuesFromKeys values are made from the raw key projection (Gemma 4's {@code attention_k_eq_v})
 * @param kvSource index of the layer whose keys and values it reads: its own, or an earlier one's (KV sharing)
 * @param intermediateSize width of the dense feed-forward block
 */
public record LayerConfig(
        boolean sliding, int headDim, int numKvHeads, boolean valuesFromKeys, int kvSource, int intermediateSize) {}
