package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.kernels.DType;
import dev.jemma.models.GemmaModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StepCostTest {
    private static StepCost of(GemmaModel model) {
        return new StepCost(model.config(), model.weights(), DType.F16);
    }

    /** A dense, tied model reads all its matrices and nothing else: the file's weights less its norms. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma3", "gemma3-mlx-4bit", "gemma2", "gemma4-dense"})
    void decodingReadsTheWeightsOnce(String name) {
        try (Golden golden = Golden.open(name, "reference")) {
            GemmaModel model = golden.model().model();
            double kv = of(model).decodeBytes(2, 0) - of(model).decodeBytes(1, 0);
            double weights = of(model).decodeBytes(1, 0) - kv;
            assertThat(weights).isLessThan((double) model.weightBytes()).isGreaterThan(0.97 * model.weightBytes());
        }
    }

    /** By hand for gemma3: F16 keys and values, and a window of 16 that only sliding layers have. */
    @Test
    void attentionGrowsToTheWindow() {
        try (Golden golden = Golden.open("gemma3", "reference")) {
            GemmaModel model = golden.model().model();
            StepCost cost = of(model);
            long sliding = model.config().layers().stream()
                    .filter(layer -> layer.sliding())
                    .count();
            long full = model.config().numLayers() - sliding;
            double aPosition = 2 * 256 * 2;
            assertThat(cost.decodeBytes(1, 9) - cost.decodeBytes(1, 8))
                    .isEqualTo(aPosition * model.config().numLayers());
            assertThat(cost.decodeBytes(1, 100) - cost.decodeBytes(1, 99)).isEqualTo(aPosition * full);
            double later = cost.prefillFlops(100, 8) - cost.prefillFlops(0, 8);
            double moreKeys = 8 * 100 * full + sliding * (8 * 16 - (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8));
            assertThat(later).isEqualTo(4.0 * model.config().numHeads() * 256 * moreKeys);
        }
    }

    @Test
    void prefillIsTwoOperationsAParameterAndToken() {
        try (Golden golden = Golden.open("gemma3", "reference")) {
            GemmaModel model = golden.model().model();
            double perToken = of(model).prefillFlops(500, 2) - of(model).prefillFlops(500, 1);
            double embedding =
                    (double) model.config().vocabSize() * model.config().hiddenSize();
            double attention = 4.0
                    * model.config().numHeads()
                    * 256
                    * (502.0 + (model.config().numLayers() - 1) * 16);
            // One full layer; norms are the difference, under 3 % of so small a model.
            assertThat(perToken)
                    .isCloseTo(2 * (model.parameterCount() - embedding) + attention, within(0.03 * perToken));
        }
    }

    @Test
    void onlyChosenExpertsAreRead() {
        try (Golden golden = Golden.open("gemma4-moe", "reference")) {
            GemmaModel model = golden.model().model();
            StepCost cost = of(model);
            double kv = cost.decodeBytes(1, 1) - cost.decodeBytes(1, 0);
            double experts = 4.0 * 8 * 3 * 64 * 64 * 2;
            double one = cost.decodeBytes(1, 0);
            double two = cost.decodeBytes(2, 0);
            // Of 8 experts the first token chooses 2; the second chooses each of the others with 1/4.
            assertThat(two - one - kvOfOne(model)).isCloseTo(experts * (1.5 / 8), within(1.0));
            assertThat(kv).isEqualTo(kvOfOne(model));
        }
    }

    private static double kvOfOne(GemmaModel model) {
        return model.config().layers().stream()
                .mapToDouble(layer -> 2.0 * 2 * layer.numKvHeads() * layer.headDim())
                .sum();
    }
}
