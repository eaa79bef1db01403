package dev.jemma.models.quantize;

import dev.jemma.models.ModelFormatException;
import dev.jemma.models.config.Quantization;
import dev.jemma.models.loading.DecoderCheckpoint;
import dev.jemma.models.loading.TensorSpec;
import dev.jemma.models.safetensors.SafetensorsCheckpoint;
import dev.jemma.models.safetensors.SafetensorsWriter;
import dev.jemma.models.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes the decoder of a BF16, F16 or F32 checkpoint with matrices in MLX's affine form, under the names that MLX
 * gives them. Norms and other vectors stay as they are. Towers of other modalities are left out.
 */
public final class QuantizedCheckpoint {
    /** What text generation reads beside the weights; MLX reads the same. */
    private static final List<String> COMPANIONS = List.of(
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "tokenizer.model",
            "special_tokens_map.json",
            "added_tokens.json",
            "chat_template.jinja",
            "chat_template.json");

    private final Quantization.Setting setting;
    private final List<QuantizedTensor> tensors;

    private QuantizedCheckpoint(DecoderCheckpoint checkpoint, Quantization.Setting setting) {
        this.setting = setting;
        this.tensors = new QuantizationPlan(checkpoint, setting).tensors();
    }

    /** Hears about bytes written, first about 0 of them; it may throw to stop. */
    @FunctionalInterface
    public interface Progress {
        void wrote(long bytes, long totalBytes);
    }

    /**
     * Writes a checkpoint of one file.
     *
     * @param directory an existing, empty directory
     * @throws ModelFormatException if the input cannot be used, or is quantized already
     * @throws UncheckedIOException if the output cannot be written
     */
    public static void write(Path source, Path directory, Quantization.Setting setting, Progress progress) {
        try (SafetensorsCheckpoint files = SafetensorsCheckpoint.open(source)) {
            DecoderCheckpoint checkpoint = DecoderCheckpoint.check(source, files);
            for (TensorSpec spec : checkpoint.specs()) {
                if (checkpoint.setting(spec) != null) {
                    throw new ModelFormatException(source + ": expected BF16, F16 or F32 weights, got "
                            + checkpoint.weightFormat() + "; quantize the original checkpoint instead");
                }
            }
            QuantizedCheckpoint quantized = new QuantizedCheckpoint(checkpoint, setting);
            quantized.writeWeights(directory.resolve("model.safetensors"), progress);
            quantized.writeConfig(source, directory);
            for (String name : COMPANIONS) {
                if (Files.exists(source.resolve(name))) {
                    Files.copy(source.resolve(name), directory.resolve(name));
                }
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(directory + ": cannot be written: " + failure.getMessage(), failure);
        }
    }

    private void writeWeights(Path file, Progress progress) {
        List<Entry> entries = new ArrayList<>();
        tensors.forEach(tensor -> entries.addAll(tensor.entries()));
        long total = entries.stream().mapToLong(Entry::byteSize).sum();
        long[] written = {0};
        progress.wrote(0, total);
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, entries, Map.of("format", "mlx"))) {
            for (QuantizedTensor tensor : tensors) {
                tensor.write((name, bytes) -> {
                    writer.write(name, bytes);
                    written[0] += bytes.byteSize();
                    progress.wrote(written[0], total);
                });
            }
            writer.finish();
        }
    }

    /** The input's configuration with the quantization added, twice: MLX writes both keys, Hugging Face reads one. */
    private void writeConfig(Path source, Path directory) throws IOException {
        JsonMapper mapper = JsonMapper.shared();
        ObjectNode config = (ObjectNode) mapper.readTree(Files.readAllBytes(source.resolve("config.json")));
        ObjectNode quantization = mapper.createObjectNode();
        quantization.put("group_size", setting.groupSize());
        quantization.put("bits", setting.bits());
        quantization.put("mode", "affine");
        for (QuantizedTensor tensor : tensors) {
            Quantization.Setting own = tensor.setting();
            if (own != null && !own.equals(setting)) {
                quantization
                        .putObject(tensor.spec().name())
                        .put("group_size", own.groupSize())
                        .put("bits", own.bits());
            }
        }
        config.set("quantization", quantization);
        config.set("quantization_config", quantization.deepCopy());
        Files.writeString(
                directory.resolve("config.json"),
                mapper.writerWithDefaultPrettyPrinter().writeValueAsString(config) + "\n");
    }
}
