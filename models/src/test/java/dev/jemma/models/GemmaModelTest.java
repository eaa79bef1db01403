package dev.jemma.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.reference.ReferenceDevice;
import dev.jemma.models.gemma.GemmaConfig.Family;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GemmaModelTest {
    private static final Path GOLDEN = Path.of(System.getProperty("jemma.golden"));
    private static final Path DEMO = Path.of(System.getProperty("jemma.demo"));

    private final ReferenceDevice device = new ReferenceDevice();

    /** Parameters counted from the shapes in the files, outside this program. */
    @ParameterizedTest
    @CsvSource({
        "gemma2, GEMMA2, BF16, 361536, 0",
        "gemma3, GEMMA3, BF16, 931136, 0",
        "gemma3-f16-sharded, GEMMA3, F16, 461120, 0",
        "gemma3-f32-untied, GEMMA3, F32, 428352, 0",
        "gemma3-multimodal, GEMMA3, BF16, 461120, 0",
        "gemma3-mlx-4bit, GEMMA3, 'affine 4-bit, group 64', 461120, 0",
        "gemma3-mlx-8bit, GEMMA3, 'affine 8-bit, group 64', 461120, 0",
        "gemma4-dense, GEMMA4, BF16, 1052228, 0",
        "gemma4-e, GEMMA4, BF16, 973210, 0",
        "gemma4-moe, GEMMA4, BF16, 758500, 0",
        "gemma4-moe-mlx-4bit, GEMMA4, 'affine 4-bit, group 32; affine 8-bit, group 32', 758500, 0",
    })
    void loadsGoldenCheckpoints(String folder, Family family, String format, long parameters, int ignored) {
        try (GemmaModel model = GemmaModel.load(GOLDEN.resolve(folder), device)) {
            assertThat(model.config().family()).isEqualTo(family);
            assertThat(model.config().name()).isEqualTo(folder);
            assertThat(model.weightFormat()).isEqualTo(format);
            assertThat(model.parameterCount()).isEqualTo(parameters);
            assertThat(model.ignoredTensors()).isEqualTo(ignored);
            assertThat(model.weights().layers()).hasSize(model.config().numLayers());
            assertThat(model.generationDefaults().eosTokenIds()).containsExactly(1, 6);
        }
    }

    @Test
    void loadsDemoModel() {
        try (GemmaModel model = GemmaModel.load(DEMO, device)) {
            assertThat(model.parameterCount()).isBetween(12_000_000L, 12_100_000L);
            assertThat(model.weightBytes()).isEqualTo(2 * model.parameterCount());
            assertThat(model.generationDefaults().temperature()).isEqualTo(0.7f);
        }
    }
}
