package dev.jemma.models.golden;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.DType;
import dev.jemma.models.golden.GoldenFixture.Prompt;
import dev.jemma.models.golden.GoldenRun.Setup;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What every backend must reproduce. Subclasses name the backend. */
abstract class GoldenContract {
    /**
     * Largest error of a logit with an F32 cache. The stored logits are F32 arithmetic themselves and differ from a
     * float64 forward pass by up to 4e-5 (see the fixtures' README); ours may differ by as much on the other side.
     */
    private static final double F32_TOLERANCE = 1e-4;

    abstract String backend();

    static Stream<String> checkpoints() {
        return GoldenFixture.NAMES.stream();
    }

    static Stream<Arguments> checkpointsAndChunks() {
        return GoldenFixture.NAMES.stream()
                .flatMap(name -> Stream.of(1, 7, 16, 64).map(chunk -> Arguments.of(name, chunk)));
    }

    private Setup setup(DType kvType, int chunk) {
        return new Setup(backend(), kvType, chunk, false);
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void logitsAtEveryPosition(String name) {
        GoldenFixture fixture = GoldenFixture.checkpoint(name);
        try (GoldenRun run = new GoldenRun(fixture.folder(), setup(DType.F32, 64))) {
            for (Prompt prompt : fixture.prompts()) {
                float[] expected = fixture.logits(prompt);
                float[] actual = run.allLogits(prompt.ids());
                float[] compared = Arrays.copyOfRange(actual, actual.length - expected.length, actual.length);
                assertClose(name + " logits of prompt " + prompt.name(), compared, expected, F32_TOLERANCE);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void hiddenStatesAfterEveryLayer(String name) {
        GoldenFixture fixture = GoldenFixture.checkpoint(name);
        Prompt prompt = fixture.prompts().get(1);
        try (GoldenRun run = new GoldenRun(fixture.folder(), setup(DType.F32, prompt.ids().length))) {
            List<float[]> hidden = run.hidden(prompt.ids(), run.hiddenSize());
            for (int depth = 0; depth < hidden.size(); depth++) {
                float[] expected = fixture.hidden(prompt, depth);
                assertThat(expected).as("%s: hidden state %d", name, depth).isNotNull();
                assertClose(name + " hidden state " + depth, hidden.get(depth), expected, F32_TOLERANCE);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("checkpointsAndChunks")
    void greedyContinuationInChunks(String name, int chunk) {
        GoldenFixture fixture = GoldenFixture.checkpoint(name);
        try (GoldenRun run = new GoldenRun(fixture.folder(), setup(DType.F32, chunk))) {
            assertGreedy(name, fixture, run, F32_TOLERANCE);
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void greedyContinuationBesideThreeBusySequences(String name) {
        GoldenFixture fixture = GoldenFixture.checkpoint(name);
        try (GoldenRun run = new GoldenRun(fixture.folder(), new Setup(backend(), DType.F32, 16, true))) {
            assertGreedy(name, fixture, run, F32_TOLERANCE);
        }
    }

    private static void assertGreedy(String name, GoldenFixture fixture, GoldenRun run, double tolerance) {
        for (Prompt prompt : fixture.prompts()) {
            int certain = prompt.certainIds(tolerance);
            assertThat(certain).as("%s prompt %s: certain ids", name, prompt.name()).isPositive();
            assertThat(run.greedy(prompt.ids(), certain))
                    .as("%s greedy ids of prompt %s", name, prompt.name())
                    .isEqualTo(Arrays.copyOf(prompt.greedy(), certain));
            float[] expected = fixture.logits(prompt);
            float[] last = Arrays.copyOfRange(expected, expected.length - run.vocabSize(), expected.length);
            assertClose(name + " last logits of prompt " + prompt.name(), run.lastLogits(prompt.ids()), last, tolerance);
        }
    }

    @Test
    void demoModelTells() {
        GoldenFixture fixture = GoldenFixture.demoModel();
        try (GoldenRun run = new GoldenRun(fixture.folder(), setup(DType.F32, 64))) {
            assertGreedy("demo model", fixture, run, F32_TOLERANCE);
        }
    }

    static void assertClose(String what, float[] actual, float[] expected, double tolerance) {
        assertThat(actual.length).as("%s: values", what).isEqualTo(expected.length);
        int worst = 0;
        int outside = 0;
        for (int i = 0; i < actual.length; i++) {
            double error = Math.abs((double) actual[i] - expected[i]);
            // Not "error > tolerance": a NaN must count.
            outside += error <= tolerance ? 0 : 1;
            worst = !(error <= Math.abs((double) actual[worst] - expected[worst])) ? i : worst;
        }
        assertThat(outside)
                .as(
                        "%s: worst at %d: expected %s, got %s, tolerance %s; values outside",
                        what, worst, expected[worst], actual[worst], tolerance)
                .isZero();
    }
}
