package dev.jemma.models.config;

import dev.jemma.kernels.DType;
import dev.jemma.models.gemma.ExpertConfig;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.gemma.GemmaConfig.Family;
import dev.jemma.models.gemma.LayerConfig;
import dev.jemma.models.safetensors.Floats;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes a {@link GemmaConfig} of one {@code config.json}'s text part. */
final class DecoderConfigReader {
    private static final int MAX_LAYERS = 1024;
    private static final int MAX_WIDTH = 1 << 20;
    private static final int MAX_VOCAB = 1 << 24;
    private static final int MAX_CONTEXT = 1 << 30;

    private final Family family;
    private final ConfigObject text;
    private final ConfigObject root;
    private final FamilyDefaults defaults;
    private final int numLayers;
    private final List<Boolean> sliding;

    DecoderConfigReader(Family family, ConfigObject text, ConfigObject root) {
        this.family = family;
        this.text = text;
        this.root = root;
        this.defaults = FamilyDefaults.of(family);
        this.numLayers = text.integer("num_hidden_layers", defaults.numHiddenLayers(), 1, MAX_LAYERS);
        this.sliding = LayerTypes.sliding(family, text, numLayers);
    }

    GemmaConfig read(String name, DType checkpointType) {
        refuseWhatIsNotComputed();
        RopeSection rope = new RopeSection(family, text);
        int hiddenSize = text.integer("hidden_size", 2304, 1, MAX_WIDTH);
        int vocabSize = text.integer("vocab_size", defaults.vocabSize(), 1, MAX_VOCAB);
        return new GemmaConfig(
                family,
                name,
                vocabSize,
                hiddenSize,
                numHeads(),
                layers(),
                slidingWindow(),
                rope.sliding(),
                rope.full(),
                text.integer("max_position_embeddings", defaults.maxPositionEmbeddings(), 1, MAX_CONTEXT),
                (float) text.positive("rms_norm_eps", 1e-6),
                Floats.rounded((float) Math.sqrt(hiddenSize), checkpointType),
                attentionScale(),
                family == Family.GEMMA4
                        ? 0
                        : (float) text.positiveOrNone("attn_logit_softcapping", defaults.attnLogitSoftcap()),
                (float) text.positiveOrNone("final_logit_softcapping", defaults.finalLogitSoftcap()),
                perLayerInputSize(vocabSize),
                experts(),
                text.flag("tie_word_embeddings", root.flag("tie_word_embeddings", true)));
    }

    private void refuseWhatIsNotComputed() {
        if (!text.text("hidden_activation", "gelu_pytorch_tanh").equals("gelu_pytorch_tanh")) {
            throw text.unsupported("hidden_activation", "\"gelu_pytorch_tanh\"");
        }
        if (text.flag("attention_bias", false)) {
            throw text.unsupported("attention_bias", "false");
        }
        String bidirectional = "use_bidirectional_attention";
        // "vision": image tokens see each other; in text every token is causal.
        if (text.has(bidirectional)
                && !text.isNull(bidirectional)
                && !text.isFalse(bidirectional)
                && !text.isText(bidirectional, "vision")) {
            throw text.unsupported(bidirectional, "false, since encoders such as EmbeddingGemma write no text");
        }
    }

    private int numHeads() {
        return text.integer("num_attention_heads", 8, 1, 1024);
    }

    private int slidingWindow() {
        String key = text.has("sliding_window") ? "sliding_window" : "sliding_window_size";
        return text.integer(key, defaults.slidingWindow(), 1, MAX_CONTEXT);
    }

    private float attentionScale() {
        return family == Family.GEMMA4 ? 1 : (float) (1 / Math.sqrt(text.positive("query_pre_attn_scalar", 256)));
    }

    private int perLayerInputSize(int vocabSize) {
        String key = "hidden_size_per_layer_input";
        if (family != Family.GEMMA4 || text.isNull(key)) {
            return 0;
        }
        int size = text.integer(key, 256, 0, MAX_WIDTH);
        if (size > 0 && text.integer("vocab_size_per_layer_input", 262_144, 1, MAX_VOCAB) != vocabSize) {
            throw text.unsupported("vocab_size_per_layer_input", "vocab_size, " + vocabSize);
        }
        return size;
    }

    private @Nullable ExpertConfig experts() {
        if (family != Family.GEMMA4 || !text.flag("enable_moe_block", false)) {
            return null;
        }
        String width = text.has("moe_intermediate_size") ? "moe_intermediate_size" : "expert_intermediate_size";
        int numExperts = text.requiredInteger("num_experts", 1, 4096);
        return new ExpertConfig(
                numExperts,
                text.requiredInteger("top_k_experts", 1, numExperts),
                text.requiredInteger(width, 1, 1 << 16));
    }

    private List<LayerConfig> layers() {
        HeadGeometry heads = new HeadGeometry(family, text);
        boolean valuesFromKeys = family == Family.GEMMA4 && text.flag("attention_k_eq_v", false);
        int intermediateSize = text.integer("intermediate_size", 9216, 1, MAX_WIDTH);
        boolean wideShared = family == Family.GEMMA4 && text.flag("use_double_wide_mlp", false);
        int shared = family == Family.GEMMA4 ? text.integer("num_kv_shared_layers", 0, 0, numLayers - 1) : 0;
        int firstShared = numLayers - shared;
        List<LayerConfig> layers = new ArrayList<>(numLayers);
        for (int i = 0; i < numLayers; i++) {
            int headDim = heads.headDim(i, sliding.get(i));
            int numKvHeads = heads.numKvHeads(i, sliding.get(i));
            if (headDim % 2 != 0) {
                throw text.wrong("head_dim", "an even number");
            }
            if (numHeads() % numKvHeads != 0) {
                throw text.wrong("num_key_value_heads", "a divisor of num_attention_heads, " + numHeads());
            }
            LayerConfig first = sameType(layers, sliding.get(i));
            if (first != null) {
                heads.checkUniform(i, first.headDim(), headDim, "head_dim");
                heads.checkUniform(i, first.numKvHeads(), numKvHeads, "num_key_value_heads");
            }
            layers.add(new LayerConfig(
                    sliding.get(i),
                    headDim,
                    numKvHeads,
                    valuesFromKeys && !sliding.get(i),
                    i < firstShared ? i : kvSource(i, firstShared),
                    wideShared && i >= firstShared ? 2 * intermediateSize : intermediateSize));
        }
        return layers;
    }

    private static @Nullable LayerConfig sameType(List<LayerConfig> layers, boolean sliding) {
        for (LayerConfig layer : layers) {
            if (layer.sliding() == sliding) {
                return layer;
            }
        }
        return null;
    }

    /** The last layer of the same type that owns its keys and values. */
    private int kvSource(int layer, int firstShared) {
        for (int source = firstShared - 1; source >= 0; source--) {
            if (sliding.get(source).equals(sliding.get(layer))) {
                return source;
            }
        }
        throw text.wrong(
                "num_kv_shared_layers",
                "a layer of type " + LayerTypes.name(sliding.get(layer)) + " below layer " + firstShared);
    }
}
