package dev.jemma.models.config;

import dev.jemma.models.ModelFormatException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a checkpoint's modules are quantized: a setting for all, and exceptions by module path.
 *
 * @param setting what holds for a module without an exception, if its {@code .scales} exist; null for unquantized
 *     checkpoints
 * @param entries exceptions, by full module path, without {@code .weight}
 */
public record Quantization(@Nullable Setting setting, Map<String, ModuleEntry> entries) {
    public static final Quantization NONE = new Quantization(null, Map.of());

    /** MLX affine quantization; see {@link dev.jemma.kernels.AffineWeight}. */
    public record Setting(int bits, int groupSize) {
        @Override
        public String toString() {
            return "affine " + bits + "-bit, group " + groupSize;
        }
    }

    /**
     * One module's own entry.
     *
     * @param setting null if the module is not quantized
     * @param refusal why the entry cannot be used, if it cannot; matters only to whoever needs the module
     */
    public record ModuleEntry(
            @Nullable Setting setting, @Nullable String refusal) {}

    public Quantization {
        entries = Map.copyOf(entries);
    }

    /**
     * The setting of a module; null if it is not quantized.
     *
     * @param hasScales whether the checkpoint has this module's {@code .scales}
     * @throws ModelFormatException if the module has a setting that cannot be computed with
     */
    public @Nullable Setting of(String modulePath, boolean hasScales) {
        ModuleEntry entry = entries.get(modulePath);
        if (entry == null) {
            return hasScales ? setting : null;
        }
        if (entry.refusal() != null) {
            throw new ModelFormatException(entry.refusal());
        }
        return entry.setting();
    }

    /** Reads {@code quantization}, or its copy {@code quantization_config}, of a whole {@code config.json}. */
    static Quantization read(ConfigObject text, ConfigObject root) {
        for (ConfigObject config : new ConfigObject[] {text, root}) {
            for (String key : new String[] {"quantization", "quantization_config"}) {
                ConfigObject quantization = config.object(key);
                if (quantization != null) {
                    return read(quantization);
                }
            }
        }
        return NONE;
    }

    private static Quantization read(ConfigObject config) {
        if (config.text("quant_method") != null) {
            throw config.unsupported("quant_method", "MLX affine quantization or none");
        }
        Map<String, ModuleEntry> entries = new HashMap<>();
        for (String key : config.keys()) {
            ConfigObject entry = config.isObject(key) ? config.object(key) : null;
            if (entry != null) {
                entries.put(key, moduleEntry(entry));
            } else if (config.isFalse(key)) {
                entries.put(key, new ModuleEntry(null, null));
            }
        }
        return new Quantization(setting(config), entries);
    }

    private static ModuleEntry moduleEntry(ConfigObject entry) {
        try {
            return new ModuleEntry(setting(entry), null);
        } catch (ModelFormatException refusal) {
            return new ModuleEntry(null, refusal.getMessage());
        }
    }

    private static Setting setting(ConfigObject config) {
        if (!config.text("mode", "affine").equals("affine")) {
            throw config.unsupported("mode", "\"affine\"");
        }
        int bits = config.requiredInteger("bits", 1, 32);
        if (bits != 4 && bits != 8) {
            throw config.unsupported("bits", "4 or 8");
        }
        int groupSize = config.integer("group_size", 64, 1, 1 << 20);
        if (groupSize != 32 && groupSize != 64 && groupSize != 128) {
            throw config.unsupported("group_size", "32, 64 or 128");
        }
        return new Setting(bits, groupSize);
    }
}
