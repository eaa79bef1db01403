package dev.jemma.models.config;

import dev.jemma.models.gemma.GemmaConfig.Family;
import java.util.ArrayList;
import java.util.List;

/** Which layers slide: {@code layer_types} where it is given, else the family's pattern. */
final class LayerTypes {
    private static final String SLIDING = "sliding_attention";
    private static final String FULL = "full_attention";

    private LayerTypes() {}

    /** One entry per layer: true for a sliding one. */
    static List<Boolean> sliding(Family family, ConfigObject text, int numLayers) {
        List<String> types = text.texts("layer_types");
        List<Boolean> sliding = new ArrayList<>(numLayers);
        if (types == null) {
            int pattern = pattern(family, text);
            for (int i = 0; i < numLayers; i++) {
                sliding.add((i + 1) % pattern != 0);
            }
        } else if (types.size() != numLayers) {
            throw text.wrong("layer_types", numLayers + " entries (num_hidden_layers)");
        } else {
            for (String type : types) {
                if (!type.equals(SLIDING) && !type.equals(FULL)) {
                    throw text.unsupported("layer_types", "\"" + SLIDING + "\" and \"" + FULL + "\"");
                }
                sliding.add(type.equals(SLIDING));
            }
        }
        if (family == Family.GEMMA4) {
            // Gemma4TextConfig does so whatever the file says.
            sliding.set(numLayers - 1, false);
        }
        return sliding;
    }

    private static int pattern(Family family, ConfigObject text) {
        return switch (family) {
            case GEMMA2 -> 2;
            case GEMMA3 -> {
                String key = text.has("sliding_window_pattern") ? "sliding_window_pattern" : "_sliding_window_pattern";
                yield text.integer(key, 6, 1, 1024);
            }
            case GEMMA4 -> 6;
        };
    }

    static String name(boolean sliding) {
        return sliding ? SLIDING : FULL;
    }
}
