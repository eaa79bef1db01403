package dev.jemma.models.loading;

import dev.jemma.models.gemma.ExpertConfig;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.gemma.LayerConfig;
import dev.jemma.models.loading.TensorSpec.Kind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Names and shapes of every weight that a configuration calls for, as Hugging Face and MLX name them.
 *
 * @param specs by name, in the order of the forward pass
 */
public record DecoderTensors(Map<String, TensorSpec> specs) {

    /**
     * Lists a decoder's weights.
     *
     * @param prefix of every name but the head's
     * @param lmHead module path of the output head; null if it is the embedding table
     * @param splitExperts MLX's {@code experts.switch_glu.*} instead of Hugging Face's {@code experts.gate_up_proj}
     */
    public static DecoderTensors of(GemmaConfig config, String prefix, @Nullable String lmHead, boolean splitExperts) {
        Builder builder = new Builder(config, splitExperts);
        builder.at(prefix);
        builder.linear("embed_tokens", config.vocabSize(), config.hiddenSize());
        if (config.perLayerInputSize() > 0) {
            builder.perLayerEmbedding();
        }
        for (int i = 0; i < config.numLayers(); i++) {
            builder.at(layerPrefix(prefix, i));
            builder.layer(config.layers().get(i), config.ownsKv(i));
        }
        builder.at(prefix);
        builder.vector("norm.weight", config.hiddenSize());
        if (lmHead != null) {
            builder.at("");
            builder.linear(lmHead, config.vocabSize(), config.hiddenSize());
        }
        return new DecoderTensors(builder.specs);
    }

    static String layerPrefix(String prefix, int layer) {
        return prefix + "layers." + layer + ".";
    }

    /** Modules of a layer that reads another's keys and values; checkpoints may have them, nothing uses them. */
    static Stream<String> unusedModules(GemmaConfig config, String prefix) {
        return Stream.iterate(0, i -> i < config.numLayers(), i -> i + 1)
                .filter(i -> !config.ownsKv(i))
                .flatMap(i -> Stream.of("k_proj", "v_proj", "k_norm")
                        .map(name -> layerPrefix(prefix, i) + "self_attn." + name + "."));
    }

    private static final class Builder {
        private final GemmaConfig config;
        private final boolean splitExperts;
        private final Map<String, TensorSpec> specs = new LinkedHashMap<>();
        private String prefix = "";

        Builder(GemmaConfig config, boolean splitExperts) {
            this.config = config;
            this.splitExperts = splitExperts;
        }

        void at(String newPrefix) {
            prefix = newPrefix;
        }

        private void add(String name, Kind kind, Long... shape) {
            specs.put(prefix + name, new TensorSpec(prefix + name, List.of(shape), kind));
        }

        void linear(String module, long rows, long cols) {
            add(module, Kind.LINEAR, rows, cols);
        }

        void vector(String name, long length) {
            add(name, Kind.VECTOR, length);
        }

        void perLayerEmbedding() {
            long cols = (long) config.numLayers() * config.perLayerInputSize();
            linear("embed_tokens_per_layer", config.vocabSize(), cols);
            linear("per_layer_model_projection", cols, config.hiddenSize());
            vector("per_layer_projection_norm.weight", config.perLayerInputSize());
        }

        void layer(LayerConfig layer, boolean ownsKv) {
            long hidden = config.hiddenSize();
            vector("input_layernorm.weight", hidden);
            attention(layer, ownsKv);
            vector("post_attention_layernorm.weight", hidden);
            vector("pre_feedforward_layernorm.weight", hidden);
            linear("mlp.gate_proj", layer.intermediateSize(), hidden);
            linear("mlp.up_proj", layer.intermediateSize(), hidden);
            linear("mlp.down_proj", hidden, layer.intermediateSize());
            if (config.experts() != null) {
                experts(config.experts());
            }
            vector("post_feedforward_layernorm.weight", hidden);
            if (config.perLayerInputSize() > 0) {
                linear("per_layer_input_gate", config.perLayerInputSize(), hidden);
                linear("per_layer_projection", hidden, config.perLayerInputSize());
                vector("post_per_layer_input_norm.weight", hidden);
            }
            if (config.family() == GemmaConfig.Family.GEMMA4) {
                add("layer_scalar", Kind.OPTIONAL_VECTOR, 1L);
            }
        }

        private void attention(LayerConfig layer, boolean ownsKv) {
            long queryRows = (long) config.numHeads() * layer.headDim();
            long kvRows = (long) layer.numKvHeads() * layer.headDim();
            linear("self_attn.q_proj", queryRows, config.hiddenSize());
            if (ownsKv) {
                linear("self_attn.k_proj", kvRows, config.hiddenSize());
                if (!layer.valuesFromKeys()) {
                    linear("self_attn.v_proj", kvRows, config.hiddenSize());
                }
            }
            linear("self_attn.o_proj", config.hiddenSize(), queryRows);
            if (config.family().hasHeadNorms()) {
                vector("self_attn.q_norm.weight", layer.headDim());
                if (ownsKv) {
                    vector("self_attn.k_norm.weight", layer.headDim());
                }
            }
        }

        private void experts(ExpertConfig experts) {
            long count = experts.numExperts();
            long hidden = config.hiddenSize();
            long width = experts.intermediateSize();
            vector("post_feedforward_layernorm_1.weight", hidden);
            vector("router.scale", hidden);
            linear("router.proj", count, hidden);
            vector("router.per_expert_scale", count);
            vector("pre_feedforward_layernorm_2.weight", hidden);
            if (splitExperts) {
                add("experts.switch_glu.gate_proj", Kind.LINEAR, count, width, hidden);
                add("experts.switch_glu.up_proj", Kind.LINEAR, count, width, hidden);
                add("experts.switch_glu.down_proj", Kind.LINEAR, count, hidden, width);
            } else {
                add("experts.gate_up_proj", Kind.EXPERT_STACK, count, 2 * width, hidden);
                add("experts.down_proj", Kind.EXPERT_STACK, count, hidden, width);
            }
            vector("post_feedforward_layernorm_2.weight", hidden);
        }
    }
}
