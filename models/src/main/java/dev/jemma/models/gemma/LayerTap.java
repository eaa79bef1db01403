package dev.jemma.models.gemma;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.Tensor;

/** Looks at the stream between layers: may encode a copy of it, for comparison with a reference. */
@FunctionalInterface
public interface LayerTap {
    LayerTap NONE = (c, depth, x) -> {};

    /**
     * @param depth 0: the scaled embeddings; i: after layer i; after the last layer: {@code numLayers}, with the final
     *     norm applied
     * @param x {@code [rows, hiddenSize]}
     */
    void stream(Commands c, int depth, Tensor x);
}
