package dev.jemma.models.config;

import dev.jemma.kernels.DType;
import dev.jemma.models.ModelFormatException;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.gemma.GemmaConfig.Family;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Everything that a checkpoint directory's JSON files say about its decoder.
 *
 * @param gemma shape and constants
 * @param quantization which modules are quantized, and how
 * @param generation how to sample
 */
public record CheckpointConfig(GemmaConfig gemma, Quantization quantization, GenerationDefaults generation) {

    /**
     * Reads {@code config.json} and, if there is one, {@code generation_config.json}.
     *
     * @param weightType type of the embedding table, or of its scales: the checkpoint's own type where the file does
     *     not name it
     * @throws ModelFormatException if something is missing or malformed, or asks for what Jemma does not compute
     */
    public static CheckpointConfig read(Path directory, DType weightType) {
        ConfigObject root = ConfigObject.read(directory.resolve("config.json"));
        TextPart part = TextPart.of(root);
        ConfigObject text = part.fields();
        DecoderConfigReader reader = new DecoderConfigReader(part.family(), text, root);
        GemmaConfig gemma = reader.read(
                name(directory.toAbsolutePath().normalize()), checkpointType(text, checkpointType(root, weightType)));
        return new CheckpointConfig(
                gemma,
                Quantization.read(text, root),
                GenerationDefaults.read(directory, text, root, gemma.vocabSize()));
    }

    /** Does what reading needs of the JVM once. */
    public static void prepare() {
        ConfigObject.prepare();
    }

    /** The directory's own name; in Hugging Face's cache, {@code models--OWNER--NAME/snapshots/COMMIT}, NAME. */
    private static String name(Path directory) {
        Path last = directory.getFileName();
        Path snapshots = directory.getParent();
        Path repository = snapshots == null ? null : snapshots.getParent();
        if (snapshots != null && snapshots.endsWith("snapshots") && repository != null) {
            String[] parts = String.valueOf(repository.getFileName()).split("--", 3);
            if (parts.length == 3 && parts[0].equals("models")) {
                return parts[2];
            }
        }
        return last == null ? "gemma" : last.toString();
    }

    /** The decoder's fields, and the family they are read as. */
    private record TextPart(Family family, ConfigObject fields) {
        static TextPart of(ConfigObject root) {
            String modelType = root.text("model_type", "");
            return switch (modelType) {
                case "gemma2" -> new TextPart(Family.GEMMA2, root);
                case "gemma3_text" -> new TextPart(Family.GEMMA3, root);
                case "gemma3" -> nested(Family.GEMMA3, root, modelType);
                case "gemma4_text", "gemma4_unified_text" -> new TextPart(Family.GEMMA4, root);
                case "gemma4", "gemma4_unified" -> nested(Family.GEMMA4, root, modelType);
                case "" -> throw root.wrong("model_type", "gemma2, gemma3_text, gemma3, gemma4_text or gemma4");
                default -> throw root.unsupported("model_type", "Gemma 2, 3 or 4" + remark(modelType));
            };
        }

        /** Multimodal checkpoints keep the decoder's fields in {@code text_config}. */
        private static TextPart nested(Family family, ConfigObject root, String modelType) {
            ConfigObject text = root.object("text_config");
            if (text == null) {
                throw root.wrong("text_config", "the decoder's configuration");
            }
            String expected = modelType + "_text";
            if (!text.text("model_type", expected).equals(expected)) {
                throw text.unsupported("model_type", expected);
            }
            return new TextPart(family, text);
        }
    }

    private static String remark(String modelType) {
        return switch (modelType) {
            case "gemma" -> " (this is Gemma 1)";
            case "gemma3n", "gemma3n_text" -> " (this is Gemma 3n)";
            case "gemma4_assistant", "gemma4_unified_assistant" -> " (this is a drafter for Gemma 4)";
            default -> modelType.contains("embedding") ? " (this is an encoder)" : "";
        };
    }

    private static DType checkpointType(ConfigObject config, DType unsaid) {
        String key = config.has("dtype") ? "dtype" : "torch_dtype";
        String name = config.text(key);
        if (name == null) {
            return unsaid;
        }
        return switch (name.toLowerCase(Locale.ROOT).replace("torch.", "")) {
            case "bfloat16" -> DType.BF16;
            case "float16" -> DType.F16;
            case "float32" -> DType.F32;
            default -> throw config.unsupported(key, "\"bfloat16\", \"float16\" or \"float32\"");
        };
    }
}
