package dev.jemma.models.config;

import dev.jemma.models.ModelFormatException;
import dev.jemma.models.gemma.GemmaConfig.Family;
import org.jspecify.annotations.Nullable;

/**
 * Head dimension and key-value heads of each layer. Gemma 4's full layers have their own: {@code global_head_dim} and
 * {@code num_global_key_value_heads}, or, as transformers 5.15 and later write it, {@code per_layer_config}.
 */
final class HeadGeometry {
    private static final int MAX_HEAD_DIM = 4096;
    private static final int MAX_HEADS = 1024;

    private final ConfigObject text;
    private final int headDim;
    private final int numKvHeads;
    private final int globalHeadDim;
    private final int numGlobalKvHeads;
    private final @Nullable ConfigObject perLayer;

    HeadGeometry(Family family, ConfigObject text) {
        this.text = text;
        boolean gemma4 = family == Family.GEMMA4;
        headDim = text.integer("head_dim", 256, 2, MAX_HEAD_DIM);
        numKvHeads = text.integer("num_key_value_heads", 4, 1, MAX_HEADS);
        globalHeadDim = gemma4 ? globalHeadDim() : headDim;
        Integer global = gemma4 && text.flag("attention_k_eq_v", false)
                ? text.optionalInteger("num_global_key_value_heads", 1, MAX_HEADS)
                : null;
        numGlobalKvHeads = global == null ? numKvHeads : global;
        perLayer = gemma4 ? text.object("per_layer_config") : null;
    }

    private int globalHeadDim() {
        int dim = text.isNull("global_head_dim") ? 0 : text.integer("global_head_dim", 512, 0, MAX_HEAD_DIM);
        return dim == 0 ? headDim : dim;
    }

    int headDim(int layer, boolean sliding) {
        return overridden(
                layer, sliding, "head_dim", "global_head_dim", sliding ? headDim : globalHeadDim, MAX_HEAD_DIM);
    }

    int numKvHeads(int layer, boolean sliding) {
        return overridden(
                layer,
                sliding,
                "num_key_value_heads",
                "num_global_key_value_heads",
                sliding ? numKvHeads : numGlobalKvHeads,
                MAX_HEADS);
    }

    /** The value of {@code per_layer_config} if it has one, which must not contradict the flat key of full layers. */
    private int overridden(int layer, boolean sliding, String key, String globalKey, int flat, int max) {
        ConfigObject entry = entry(layer, sliding);
        if (entry == null || !entry.has(key)) {
            return flat;
        }
        int value = entry.requiredInteger(key, 1, max);
        boolean flatIsGiven = sliding || text.optionalInteger(globalKey, 0, max) != null;
        if (value != flat && flatIsGiven) {
            throw entry.wrong(key, flat + " as the other keys of the file say");
        }
        return value;
    }

    private @Nullable ConfigObject entry(int layer, boolean sliding) {
        if (perLayer == null) {
            return null;
        }
        String index = Integer.toString(layer);
        ConfigObject entry = perLayer.object(perLayer.has(index) ? index : LayerTypes.name(sliding));
        if (entry != null) {
            for (String key : entry.keys()) {
                if (!key.equals("head_dim") && !key.equals("num_key_value_heads")) {
                    throw entry.unsupported(key, "head_dim and num_key_value_heads only");
                }
            }
        }
        return entry;
    }

    /** RoPE tables are per layer type, and so are the heads. */
    void checkUniform(int layer, int first, int value, String what) {
        if (value != first) {
            throw new ModelFormatException(text.where() + ": " + what + " of layer " + layer + "; expected " + first
                    + " as in the other layers of its type, got " + value + "; use another checkpoint of the model");
        }
    }
}
