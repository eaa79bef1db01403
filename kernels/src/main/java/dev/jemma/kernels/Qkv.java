package dev.jemma.kernels;

/**
 * Query, key and value activations of one layer.
 *
 * @param q {@code [rows, numHeads * headDim]}
 * @param k {@code [rows, numKvHeads * headDim]}
 * @param v {@code [rows, numKvHeads * headDim]}
 * @param valuesFromKeys the values are made from the raw key projection (Gemma 4's {@code attention_k_eq_v}): there is
 *     no value projection, and what {@code v} holds before {@link Commands#headNormRopeStore} is ignored
 */
public record Qkv(Tensor q, Tensor k, Tensor v, boolean valuesFromKeys) {}
