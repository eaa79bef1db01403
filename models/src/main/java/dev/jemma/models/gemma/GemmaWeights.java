package dev.jemma.models.gemma;

import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.Weight;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A decoder's weights on a device. Owns nothing; see {@link dev.jemma.models.GemmaModel}.
 *
 * @param embedTokens {@code [vocabSize, hiddenSize]}
 * @param lmHead {@code [vocabSize, hiddenSize]}; the embedding table itself where they are tied
 * @param slidingRope null if no layer slides
 * @param fullRope null if every layer slides
 */
public record GemmaWeights(
        Weight embedTokens,
        @Nullable PerLayerEmbedding perLayerEmbedding,
        List<LayerWeights> layers,
        Norm norm,
        Weight lmHead,
        @Nullable Rope slidingRope,
        @Nullable Rope fullRope) {

    /**
     * @param table {@code [vocabSize, numLayers * perLayerInputSize]}
     * @param modelProjection {@code [numLayers * perLayerInputSize, hiddenSize]}
     * @param projectionNorm over {@code perLayerInputSize} columns
     */
    public record PerLayerEmbedding(Weight table, Weight modelProjection, Norm projectionNorm) {}

    public GemmaWeights {
        layers = List.copyOf(layers);
    }
}
