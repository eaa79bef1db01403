package dev.jemma.models.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.reference.ReferenceDevice;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.ModelFormatException;
import dev.jemma.models.config.Quantization;
import dev.jemma.models.loading.CheckpointCopy;
import dev.jemma.models.loading.DecoderCheckpoint;
import dev.jemma.models.loading.TensorSpec;
import dev.jemma.models.safetensors.Floats;
import dev.jemma.models.safetensors.SafetensorsCheckpoint;
import dev.jemma.models.synthetic.SyntheticModel;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class QuantizedCheckpointTest {
    @TempDir
    private Path output;

    private static Path golden(String name) {
        return Path.of(System.getProperty("jemma.golden"), name);
    }

    private void quantize(String name, int bits, int groupSize) {
        QuantizedCheckpoint.write(golden(name), output, new Quantization.Setting(bits, groupSize), (_, _) -> {});
    }

    /** Rows of a weight, by name behind the prefix; joint stacks of gate and up split as MLX does. */
    private static float[] rows(DecoderCheckpoint checkpoint, String local, int row, int cols) {
        String name = checkpoint.prefix() + local;
        long from = (long) row * cols;
        DecoderRows rows = new DecoderRows(checkpoint, name);
        return rows.read(from, cols);
    }

    /** Reads values of a weight, quantized or not. */
    private record DecoderRows(DecoderCheckpoint checkpoint, String name) {
        float[] read(long from, int count) {
            TensorSpec spec = checkpoint.spec(name);
            Quantization.Setting setting = checkpoint.setting(spec);
            if (setting == null) {
                DType type = checkpoint.floatType(spec.tensor());
                return Floats.read(
                        checkpoint.stored(spec.tensor()).bytes().asSlice(type.bytes(from), type.bytes(count)), type);
            }
            float[] scales = Floats.read(checkpoint.stored(spec.scales()).bytes(), checkpoint.floatType(spec.scales()));
            float[] biases = Floats.read(checkpoint.stored(spec.biases()).bytes(), checkpoint.floatType(spec.biases()));
            byte[] codes = checkpoint.stored(spec.tensor()).bytes().toArray(ValueLayout.JAVA_BYTE);
            float[] values = new float[count];
            int perByte = 8 / setting.bits();
            for (int i = 0; i < count; i++) {
                int at = (int) from + i;
                int code = (codes[at / perByte] >>> (at % perByte * setting.bits())) & ((1 << setting.bits()) - 1);
                values[i] = scales[at / setting.groupSize()] * code + biases[at / setting.groupSize()];
            }
            return values;
        }
    }

    /** A group of N(0, s) reaches about 3 s to either side: half of a step is 3 s / 15 at 4 bits, 3 s / 255 at 8. */
    private static void assertClose(float[] actual, float[] expected, int bits, String what) {
        double squares = 0;
        double errors = 0;
        for (int i = 0; i < expected.length; i++) {
            squares += expected[i] * expected[i];
            errors += (actual[i] - expected[i]) * (actual[i] - expected[i]);
        }
        assertThat(Math.sqrt(errors)).as(what).isLessThan(Math.sqrt(squares) * (bits == 4 ? 0.2 : 0.02));
    }

    @ParameterizedTest
    @CsvSource({
        "gemma2, 4, 64",
        "gemma3, 8, 32",
        "gemma3-f16-sharded, 4, 32",
        "gemma3-f32-untied, 8, 64",
        "gemma3-multimodal, 4, 64",
        "gemma4-dense, 4, 64",
        "gemma4-e, 4, 64",
        "gemma4-moe, 4, 32"
    })
    void everyWeightIsThereAndClose(String name, int bits, int groupSize) {
        quantize(name, bits, groupSize);
        try (SafetensorsCheckpoint sourceFiles = SafetensorsCheckpoint.open(golden(name));
                SafetensorsCheckpoint files = SafetensorsCheckpoint.open(output)) {
            DecoderCheckpoint source = DecoderCheckpoint.check(golden(name), sourceFiles);
            DecoderCheckpoint result = DecoderCheckpoint.check(output, files);
            assertThat(result.weightFormat()).startsWith("affine " + bits + "-bit, group " + groupSize);
            assertThat(result.parameterCount()).isEqualTo(source.parameterCount());
            int quantized = 0;
            for (TensorSpec spec : result.specs()) {
                if (spec.name().contains("switch_glu") || !spec.name().startsWith(result.prefix())) {
                    continue;
                }
                String local = spec.name().substring(result.prefix().length());
                if (spec.kind() == TensorSpec.Kind.OPTIONAL_VECTOR && !result.has(spec.name())) {
                    assertThat(source.has(source.prefix() + local)).isFalse();
                    continue;
                }
                Quantization.Setting setting = result.setting(spec);
                quantized += setting == null ? 0 : 1;
                int row = spec.rows() - 1;
                float[] expected = rows(source, local, row, spec.cols());
                float[] actual = rows(result, local, row, spec.cols());
                if (setting == null) {
                    assertThat(actual).as(local).isEqualTo(expected);
                } else {
                    assertClose(actual, expected, setting.bits(), local);
                }
            }
            assertThat(quantized).isGreaterThan(10);
        }
        try (ReferenceDevice device = new ReferenceDevice();
                GemmaModel model = GemmaModel.load(output, device)) {
            assertThat(model.config().numLayers()).isPositive();
        }
    }

    @Test
    void expertsAreSplitAndOnlyTheyGetFourBits() throws IOException {
        quantize("gemma4-moe", 4, 32);
        try (SafetensorsCheckpoint sourceFiles = SafetensorsCheckpoint.open(golden("gemma4-moe"));
                SafetensorsCheckpoint files = SafetensorsCheckpoint.open(output)) {
            DecoderCheckpoint source = DecoderCheckpoint.check(golden("gemma4-moe"), sourceFiles);
            DecoderCheckpoint result = DecoderCheckpoint.check(output, files);
            String layer = "layers.1.experts.";
            int width = 64;
            int cols = source.config().gemma().hiddenSize();
            for (int expert = 0; expert < 8; expert++) {
                int joint = expert * 2 * width + 5;
                float[] gate = rows(source, layer + "gate_up_proj", joint, cols);
                float[] up = rows(source, layer + "gate_up_proj", joint + width, cols);
                int split = expert * width + 5;
                assertClose(rows(result, layer + "switch_glu.gate_proj", split, cols), gate, 4, "gate of " + expert);
                assertClose(rows(result, layer + "switch_glu.up_proj", split, cols), up, 4, "up of " + expert);
                int down = expert * cols + 9;
                assertClose(
                        rows(result, layer + "switch_glu.down_proj", down, width),
                        rows(source, layer + "down_proj", down, width),
                        4,
                        "down of " + expert);
            }
            String prefix = result.prefix() + "layers.1.";
            for (String module : List.of("router.proj", "mlp.gate_proj", "mlp.down_proj")) {
                assertThat(result.setting(result.spec(prefix + module)))
                        .as(module)
                        .isEqualTo(new Quantization.Setting(8, 32));
            }
        }
        JsonNode config = JsonMapper.shared().readTree(Files.readString(output.resolve("config.json")));
        assertThat(config.get("quantization")).isEqualTo(config.get("quantization_config"));
        assertThat(config.at("/quantization/group_size").asInt()).isEqualTo(32);
        assertThat(config.at("/quantization/mode").asString()).isEqualTo("affine");
    }

    @Test
    void namesAreThoseOfMlxAndUnusedKeysAreThere(@TempDir Path input) throws IOException {
        CheckpointCopy copy = CheckpointCopy.of(golden("gemma4-e"));
        try (SafetensorsCheckpoint files = SafetensorsCheckpoint.open(golden("gemma4-e"))) {
            DecoderCheckpoint source = DecoderCheckpoint.check(golden("gemma4-e"), files);
            int last = source.config().gemma().numLayers() - 1;
            String modules = source.prefix() + "layers.%d.self_attn.k_%s.weight";
            for (String kind : List.of("proj", "norm")) {
                copy.tensors().put(modules.formatted(last, kind), copy.tensor(modules.formatted(0, kind)));
            }
            copy.write(input);
            QuantizedCheckpoint.write(input, output, new Quantization.Setting(4, 64), (_, _) -> {});
            String layer =
                    (source.prefix().contains("language_model") ? "language_model." : "") + "model.layers." + last;
            try (SafetensorsCheckpoint result = SafetensorsCheckpoint.open(output)) {
                assertThat(result.tensors())
                        .containsKeys(
                                layer + ".self_attn.k_proj.weight",
                                layer + ".self_attn.k_proj.scales",
                                layer + ".self_attn.k_norm.weight");
                assertThat(DecoderCheckpoint.check(output, result).ignoredTensors())
                        .isEqualTo(4);
            }
        }
    }

    @Test
    void progressIsToldFromNothingToAll() throws IOException {
        List<Long> progress = new ArrayList<>();
        QuantizedCheckpoint.write(golden("gemma3"), output, new Quantization.Setting(4, 64), (bytes, total) -> {
            progress.add(bytes);
            progress.add(total - bytes);
        });
        assertThat(progress.getFirst()).isZero();
        assertThat(progress.getLast()).isZero();
        try (Stream<Path> entries = Files.list(output)) {
            assertThat(entries.map(Path::getFileName).map(Path::toString))
                    .containsExactlyInAnyOrder(
                            "config.json",
                            "generation_config.json",
                            "model.safetensors",
                            "model.safetensors.index.json",
                            "tokenizer.json");
        }
    }

    @Test
    void largeOnesAreFilesWithAnIndex() throws IOException {
        QuantizedCheckpoint.write(golden("gemma3"), output, new Quantization.Setting(4, 64), 40_000, (_, _) -> {});
        JsonNode index = JsonMapper.shared().readTree(Files.readString(output.resolve("model.safetensors.index.json")));
        List<String> files = index.get("weight_map")
                .valueStream()
                .map(JsonNode::asString)
                .distinct()
                .sorted()
                .toList();
        assertThat(files).hasSizeGreaterThan(2).first().asString().startsWith("model-00001-of-000");
        for (String file : files) {
            assertThat(Files.size(output.resolve(file)))
                    .as("%s: the limit, or the embedding alone, and a header", file)
                    .isLessThan(80_000);
        }
        try (SafetensorsCheckpoint result = SafetensorsCheckpoint.open(output);
                ReferenceDevice device = new ReferenceDevice();
                GemmaModel model = GemmaModel.load(output, device)) {
            assertThat(index.get("weight_map").propertyNames())
                    .containsExactlyInAnyOrderElementsOf(result.tensors().keySet());
            assertThat(model.weightBytes())
                    .isEqualTo(index.at("/metadata/total_size").asLong());
            assertThat(model.parameterCount())
                    .isEqualTo(index.at("/metadata/total_parameters").asLong());
        }
    }

    /**
     * The published shapes of Gemma 3 270M are 512 MiB of BF16, of which the embedding is 320: a heap of 48 MiB, and as
     * much outside of it, hold its scales and biases (20 MiB), blocks of 4 MiB for each core, and the program.
     */
    @Test
    void memoryIsLittleHoweverLargeTheInput(@TempDir Path input) throws Exception {
        Path outline = input.resolve("outline");
        SyntheticModel.writeOutline("gemma-3-270m", 16, outline);
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx48m",
                        "-XX:MaxDirectMemorySize=48m",
                        "-XX:+UseSerialGC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        QuantizeAlone.class.getName(),
                        outline.toString(),
                        output.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        assertThat(Files.size(output.resolve("model.safetensors"))).isGreaterThan(140L << 20);
    }

    /** Quantizes what the first argument names into the directory of the second. */
    static final class QuantizeAlone {
        private QuantizeAlone() {}

        public static void main(String[] arguments) {
            QuantizedCheckpoint.write(
                    Path.of(arguments[0]), Path.of(arguments[1]), new Quantization.Setting(4, 64), (_, _) -> {});
        }
    }

    @Test
    void whatIsQuantizedAlreadyIsRefused() {
        assertThatThrownBy(() -> quantize("gemma3-mlx-4bit", 8, 64))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("expected BF16, F16 or F32 weights, got affine 4-bit");
    }

    @Test
    void aListenerCanStopIt() {
        Map<Long, Long> seen = new java.util.HashMap<>();
        assertThatThrownBy(() -> QuantizedCheckpoint.write(
                        golden("gemma3"), output, new Quantization.Setting(4, 64), (bytes, total) -> {
                            seen.put(bytes, total);
                            throw new IllegalStateException("no room");
                        }))
                .hasMessage("no room");
        assertThat(seen).containsOnlyKeys(0L);
        assertThat(output).isEmptyDirectory();
    }
}
