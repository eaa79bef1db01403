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
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;
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

    private static final long SHARD_BYTES = 5L << 30;

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
     * Writes a checkpoint, in files of 5 GiB and an index of them as MLX's own tools do.
     *
     * @param directory an existing, empty directory
     * @throws ModelFormatException if the input cannot be used, or is quantized already
     * @throws UncheckedIOException if the output cannot be written
     */
    public static void write(Path source, Path directory, Quantization.Setting setting, Progress progress) {
        write(source, directory, setting, SHARD_BYTES, progress);
    }

    static void write(Path source, Path directory, Quantization.Setting setting, long shardBytes, Progress progress) {
        try (SafetensorsCheckpoint files = SafetensorsCheckpoint.open(source)) {
            DecoderCheckpoint checkpoint = DecoderCheckpoint.check(source, files);
            for (TensorSpec spec : checkpoint.specs()) {
                if (checkpoint.setting(spec) != null) {
                    throw new ModelFormatException(source + ": expected BF16, F16 or F32 weights, got "
                            + checkpoint.weightFormat() + "; quantize the original checkpoint instead");
                }
            }
            QuantizedCheckpoint quantized = new QuantizedCheckpoint(checkpoint, setting);
            quantized.writeWeights(directory, shardBytes, progress);
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

    private void writeWeights(Path directory, long shardBytes, Progress progress) throws IOException {
        List<Shard> shards = shards(shardBytes);
        long total = shards.stream().mapToLong(Shard::bytes).sum();
        long[] written = {0};
        progress.wrote(0, total);
        Map<String, String> files = new TreeMap<>();
        for (int i = 0; i < shards.size(); i++) {
            String file = shards.size() == 1
                    ? "model.safetensors"
                    : String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", i + 1, shards.size());
            shards.get(i).write(directory.resolve(file), bytes -> {
                written[0] += bytes;
                progress.wrote(written[0], total);
            });
            shards.get(i).entries().forEach(entry -> files.put(entry.name(), file));
        }
        ObjectNode index = JsonMapper.shared().createObjectNode();
        long parameters =
                tensors.stream().mapToLong(tensor -> tensor.spec().parameters()).sum();
        index.putObject("metadata").put("total_size", total).put("total_parameters", parameters);
        ObjectNode names = index.putObject("weight_map");
        files.forEach(names::put);
        writeJson(directory.resolve("model.safetensors.index.json"), index);
    }

    /** Whole weights in each: codes, scales and biases stay together. */
    private List<Shard> shards(long shardBytes) {
        List<Shard> shards = new ArrayList<>();
        List<QuantizedTensor> current = new ArrayList<>();
        long bytes = 0;
        for (QuantizedTensor tensor : tensors) {
            long more = tensor.byteSize();
            if (!current.isEmpty() && bytes + more > shardBytes) {
                shards.add(new Shard(List.copyOf(current)));
                current.clear();
                bytes = 0;
            }
            current.add(tensor);
            bytes += more;
        }
        shards.add(new Shard(List.copyOf(current)));
        return shards;
    }

    private record Shard(List<QuantizedTensor> tensors) {
        List<Entry> entries() {
            return tensors.stream().flatMap(tensor -> tensor.entries().stream()).toList();
        }

        long bytes() {
            return tensors.stream().mapToLong(QuantizedTensor::byteSize).sum();
        }

        void write(Path file, LongConsumer progress) {
            try (SafetensorsWriter writer = SafetensorsWriter.create(file, entries(), Map.of("format", "mlx"))) {
                for (QuantizedTensor tensor : tensors) {
                    tensor.write((name, bytes) -> {
                        writer.write(name, bytes);
                        progress.accept(bytes.byteSize());
                    });
                }
                writer.finish();
            }
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
        writeJson(directory.resolve("config.json"), config);
    }

    private static void writeJson(Path file, ObjectNode json) throws IOException {
        String text = JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(json);
        Files.writeString(file, text + "\n");
    }
}
