package dev.jemma.models.synthetic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.reference.ReferenceDevice;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.chat.ChatTemplate;
import dev.jemma.models.config.CheckpointConfig;
import dev.jemma.models.config.Quantization;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.loading.DecoderTensors;
import dev.jemma.models.loading.TensorSpec;
import dev.jemma.models.safetensors.Floats;
import dev.jemma.models.safetensors.SafetensorsFile;
import dev.jemma.models.tokenizer.Tokenizer;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SyntheticModelTest {
    private final ReferenceDevice device = new ReferenceDevice();

    @TempDir
    private Path directory;

    /** Bytes: 268,098,176 parameters (all but norms are matrices) at 2, or 8 or 4 bits and 4 bytes for each group of 64. */
    @ParameterizedTest
    @CsvSource({"16, BF16, 2.0", "8, 'affine 8-bit, group 64', 1.0625", "4, 'affine 4-bit, group 64', 0.5625"})
    void writtenModelLoads(int bits, String format, double bytesPerParameter) {
        List<Long> progress = new ArrayList<>();
        SyntheticModel.write("gemma-3-270m", bits, directory, (bytes, total) -> progress.add(total - bytes));
        assertThat(progress).last().isEqualTo(0L);
        try (GemmaModel model = GemmaModel.load(directory, device)) {
            assertThat(model.parameterCount()).isEqualTo(268_098_176L);
            assertThat(model.weightFormat()).isEqualTo(format);
            assertThat(model.weightBytes() / (double) model.parameterCount())
                    .isCloseTo(bytesPerParameter, within(0.001));
        }
    }

    @Test
    void quantizedWeightsHaveTheDeviationOfUnquantizedOnes() {
        SyntheticModel.write("gemma-3-270m", 4, directory, (bytes, total) -> {});
        try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("model.safetensors"))) {
            String module = "model.layers.3.mlp.up_proj";
            byte[] codes = bytes(file, module + ".weight").toArray(ValueLayout.JAVA_BYTE);
            float[] scales = Floats.read(bytes(file, module + ".scales"), DType.BF16);
            float[] biases = Floats.read(bytes(file, module + ".biases"), DType.BF16);
            double sum = 0;
            double squares = 0;
            for (int i = 0; i < 2 * codes.length; i++) {
                int code = (codes[i / 2] >>> (i % 2 * 4)) & 0xF;
                double value = (double) scales[i / 64] * code + biases[i / 64];
                sum += value;
                squares += value * value;
            }
            int count = 2 * codes.length;
            assertThat(count).isEqualTo(2048 * 640);
            // Four standard errors of the mean of 1.3 million values; scales that vary add 2 % to the deviation.
            assertThat(sum / count).isCloseTo(0, within(4 * 0.02 / Math.sqrt(count)));
            assertThat(Math.sqrt(squares / count)).isCloseTo(0.02, within(0.001));
        }
    }

    @Test
    void sameNameSameBytesAndNothingIsOverwritten() throws Exception {
        Path other = directory.resolve("other");
        SyntheticModel.write("gemma-3-270m", 4, directory, (bytes, total) -> {});
        SyntheticModel.write("gemma-3-270m", 4, other, (bytes, total) -> {});
        assertThat(Files.mismatch(directory.resolve("model.safetensors"), other.resolve("model.safetensors")))
                .isEqualTo(-1);
        assertThatThrownBy(() -> SyntheticModel.write("gemma-3-270m", 4, other, (bytes, total) -> {}))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("config.json");
    }

    @Test
    void everyIdCanBeShownAndEveryPromptRead() {
        SyntheticModel.write("gemma-3-270m", 4, directory, (bytes, total) -> {});
        Tokenizer tokenizer = Tokenizer.load(directory);
        assertThat(tokenizer.vocabSize()).isEqualTo(262_144);
        assertThat(tokenizer.decode(new int[] {359, 360})).isEqualTo(" bababa bababe");
        String text = "Grüße, \u4F60\n{x}";
        assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
        assertThat(ChatTemplate.forModel(directory, tokenizer).orElseThrow().name())
                .startsWith("Gemma");
    }

    @Test
    void aListenerCanStopTheWriting() {
        assertThatThrownBy(() -> SyntheticModel.write("gemma-3-270m", 4, directory, (bytes, total) -> {
                    throw new IllegalStateException(bytes + " of " + total);
                }))
                .hasMessageStartingWith("0 of 15");
        assertThat(directory.resolve("model.safetensors")).doesNotExist();
    }

    /** Parameters of the decoder as published: 2.6B, 9.2B, 27.2B, ..., without vision towers. */
    @ParameterizedTest
    @CsvSource({
        "gemma-2-2b, 2614341888",
        "gemma-2-9b, 9241705984",
        "gemma-2-27b, 27227128320",
        "gemma-3-270m, 268098176",
        "gemma-3-1b, 999885952",
        "gemma-3-4b, 3880263168",
        "gemma-3-12b, 11766034176",
        "gemma-3-27b, 27009346304",
    })
    void configsHaveThePublishedNumberOfParameters(String name, long parameters) throws Exception {
        Files.writeString(directory.resolve("config.json"), SyntheticModel.configJson(name, 16));
        GemmaConfig config = CheckpointConfig.read(directory, DType.BF16).gemma();
        long sum = DecoderTensors.of(config, "model.", null, false).specs().values().stream()
                .mapToLong(TensorSpec::parameters)
                .sum();
        assertThat(sum).isEqualTo(parameters);
    }

    @Test
    void everyMatrixOfEveryModelDividesIntoGroups() throws Exception {
        for (String name : SyntheticModel.names()) {
            Files.writeString(directory.resolve("config.json"), SyntheticModel.configJson(name, 4));
            CheckpointConfig config = CheckpointConfig.read(directory, DType.BF16);
            assertThat(config.quantization().setting()).as(name).isEqualTo(new Quantization.Setting(4, 64));
            assertThat(DecoderTensors.of(config.gemma(), "model.", null, true)
                            .specs()
                            .values())
                    .as(name)
                    .noneMatch(spec -> spec.kind() == TensorSpec.Kind.EXPERT_STACK)
                    .allMatch(spec -> spec.kind() != TensorSpec.Kind.LINEAR || spec.cols() % 64 == 0);
        }
    }

    private static MemorySegment bytes(SafetensorsFile file, String tensor) {
        return file.bytes(Objects.requireNonNull(file.header().tensors().get(tensor)));
    }
}
