package dev.jemma.models.gemma;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A Gemma decoder's shape and constants, complete: every default filled in, every per-layer difference spelled out.
 *
 * @param family decides norms, tensor names and templates
 * @param name what to call the model: the checkpoint's folder or the synthetic model's name
 * @param embeddingScale {@code sqrt(hiddenSize)}, rounded to the checkpoint's type as in training
 * @param attentionScale what multiplies {@code q.k}
 * @param attnLogitSoftcap cap of attention scores; 0 for none
 * @param finalLogitSoftcap cap of logits; 0 for none
 * @param slidingWindow keys that a sliding layer's query sees, its own included
 * @param perLayerInputSize columns of a layer's slice of the per-layer embeddings (Gemma 4 E models); 0 for none
 * @param experts null for dense models
 */
public record GemmaConfig(
        Family family,
        String name,
        int vocabSize,
        int hiddenSize,
        int numHeads,
        List<LayerConfig> layers,
        int slidingWindow,
        RopeConfig slidingRope,
        RopeConfig fullRope,
        int maxPositionEmbeddings,
        float rmsNormEps,
        float embeddingScale,
        float attentionScale,
        float attnLogitSoftcap,
        float finalLogitSoftcap,
        int perLayerInputSize,
        @Nullable ExpertConfig experts,
        boolean tieWordEmbeddings) {

    /** Generations of the architecture. */
    public enum Family {
        GEMMA2,
        GEMMA3,
        GEMMA4;

        /** Gemma 2 and 3 store {@code w} and multiply by {@code 1 + w}; Gemma 4 multiplies by {@code w}. */
        public boolean normAddsOne() {
            return this != GEMMA4;
        }

        /** Queries and keys are normalised per head before RoPE. */
        public boolean hasHeadNorms() {
            return this != GEMMA2;
        }

        /** Values are normalised per head, without a weight. */
        public boolean hasValueNorm() {
            return this == GEMMA4;
        }
    }

    public GemmaConfig {
        layers = List.copyOf(layers);
    }

    public int numLayers() {
        return layers.size();
    }

    public boolean ownsKv(int layer) {
        return layers.get(layer).kvSource() == layer;
    }

    /** First of the layers at the top that own no keys and values; {@link #numLayers} if every layer owns its own. */
    public int firstKvSharedLayer() {
        int layer = numLayers();
        while (layer > 0 && !ownsKv(layer - 1)) {
            layer--;
        }
        return layer;
    }

    public RopeConfig rope(LayerConfig layer) {
        return layer.sliding() ? slidingRope : fullRope;
    }
}
