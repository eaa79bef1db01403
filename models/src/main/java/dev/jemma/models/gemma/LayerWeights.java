package dev.jemma.models.gemma;

import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import org.jspecify.annotations.Nullable;

/**
 * The weights of one layer, named after Hugging Face's modules.
 *
 * @param layerScalar multiplies the whole stream after the layer (Gemma 4); 1 where there is none
 */
public record LayerWeights(
        Norm inputNorm,
        Attention attention,
        Norm postAttentionNorm,
        Norm preFeedForwardNorm,
        Mlp mlp,
        @Nullable Experts experts,
        Norm postFeedForwardNorm,
        @Nullable PerLayerInput perLayerInput,
        float layerScalar) {

    /**
     * @param q {@code [numHeads * headDim, hiddenSize]}
     * @param qkv {@code q} with the keys' and values' projections; null for a layer that reads another's cache
     * @param o {@code [hiddenSize, numHeads * headDim]}
     */
    public record Attention(Weight q, @Nullable QkvWeight qkv, HeadNorms headNorms, Weight o) {}

    /** Gate and up {@code [intermediateSize, hiddenSize]}, down {@code [hiddenSize, intermediateSize]}. */
    public record Mlp(Weight gate, Weight up, Weight down) {}

    /**
     * The expert branch beside the dense one (Gemma 4 26B-A4B).
     *
     * @param routerNorm {@code rms(h) * router.scale * hiddenSize^-0.5}
     * @param router {@code [numExperts, hiddenSize]}
     * @param expertScale {@code per_expert_scale}
     * @param postDenseNorm {@code post_feedforward_layernorm_1}
     * @param preNorm {@code pre_feedforward_layernorm_2}
     * @param postNorm {@code post_feedforward_layernorm_2}
     */
    public record Experts(
            Norm routerNorm,
            Weight router,
            VectorF32 expertScale,
            Norm postDenseNorm,
            Norm preNorm,
            ExpertWeight gate,
            ExpertWeight up,
            ExpertWeight down,
            Norm postNorm) {}

    /** Per-layer embedding branch: gate {@code [perLayerInputSize, hiddenSize]}, projection the other way round. */
    public record PerLayerInput(Weight gate, Weight projection, Norm postNorm) {}
}
