package dev.jemma.models.config;

import dev.jemma.models.gemma.GemmaConfig.Family;
import dev.jemma.models.gemma.RopeConfig;
import org.jspecify.annotations.Nullable;

/**
 * The two dialects of RoPE parameters: {@code rope_theta}, {@code rope_local_base_freq} and {@code rope_scaling}, or
 * {@code rope_parameters}, flat or by layer type, which wins.
 */
final class RopeSection {
    private static final String SLIDING = "sliding_attention";
    private static final String FULL = "full_attention";

    private final Family family;
    private final ConfigObject text;
    private final @Nullable ConfigObject parameters;

    RopeSection(Family family, ConfigObject text) {
        this.family = family;
        this.text = text;
        this.parameters = text.object("rope_parameters");
    }

    RopeConfig sliding() {
        double theta = switch (family) {
            case GEMMA2 -> text.positive("rope_theta", 10_000);
            case GEMMA3 -> text.positive("rope_local_base_freq", 10_000);
            case GEMMA4 -> 10_000;
        };
        // Linear scaling is of the full layers; Gemma 2 has one RoPE for both.
        ConfigObject scaling = family == Family.GEMMA2 ? text.object("rope_scaling") : null;
        return rope(SLIDING, theta, scaling, new RopeConfig((float) theta, 1, 1));
    }

    RopeConfig full() {
        return switch (family) {
            case GEMMA2 -> full(text.positive("rope_theta", 10_000), 1);
            case GEMMA3 -> full(text.positive("rope_theta", 1_000_000), 1);
            case GEMMA4 -> full(1_000_000, 0.25f);
        };
    }

    private RopeConfig full(double theta, float rotatedFraction) {
        if (family == Family.GEMMA4 && text.object("rope_scaling") != null) {
            throw text.unsupported("rope_scaling", "rope_parameters in Gemma 4");
        }
        return rope(FULL, theta, text.object("rope_scaling"), new RopeConfig((float) theta, 1, rotatedFraction));
    }

    private RopeConfig rope(String layerType, double theta, @Nullable ConfigObject scaling, RopeConfig unsaid) {
        if (parameters == null) {
            return scaling == null ? unsaid : scaled(scaling, theta);
        }
        ConfigObject byType = parameters.object(layerType);
        if (byType != null) {
            return scaled(byType, byType.positive("rope_theta", theta));
        }
        boolean flat = !parameters.has(SLIDING) && !parameters.has(FULL);
        if (flat && family == Family.GEMMA2) {
            return scaled(parameters, parameters.positive("rope_theta", theta));
        }
        throw parameters.wrong(layerType, "rope_type and rope_theta of these layers");
    }

    private RopeConfig scaled(ConfigObject rope, double theta) {
        String key = rope.has("rope_type") ? "rope_type" : "type";
        String type = rope.text(key, "default");
        if (type.equals("proportional") && family == Family.GEMMA4) {
            double rotated = rope.positive("partial_rotary_factor", 1);
            if (rotated > 1) {
                throw rope.wrong("partial_rotary_factor", "at most 1");
            }
            return new RopeConfig((float) theta, (float) rope.positive("factor", 1), (float) rotated);
        }
        if (rope.positive("partial_rotary_factor", 1) != 1) {
            throw rope.unsupported("partial_rotary_factor", "1, or rope_type \"proportional\" in Gemma 4");
        }
        if (type.equals("linear")) {
            if (!rope.has("factor")) {
                throw rope.wrong("factor", "a positive number");
            }
            return new RopeConfig((float) theta, (float) rope.positive("factor", 1), 1);
        }
        if (!type.equals("default")) {
            throw rope.unsupported(key, "\"default\", \"linear\", or \"proportional\" in Gemma 4");
        }
        return new RopeConfig((float) theta, 1, 1);
    }
}
