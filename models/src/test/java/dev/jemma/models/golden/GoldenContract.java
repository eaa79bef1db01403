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
     * Largest error of a logit with an F32 cache. The stored logits are F32 arithmetic; a float64 forward pass differs
     * from them by up to 4e-5 (see the fixtures' README), the reference backend by up to 1.4e-5.
     */
    private static final double F32_TOLERANCE = 5e-5;

    /** Relative error of one rounding to F16. */
    private static final double F16_ROUNDING = 0x1p-11;

    /** Ids decoded where the test is about the prompt; enough to show that the cache is right behind it. */
    private static final int SHORT = 8;

    abstract String backend();

    /**
     * Largest relative error that projections of a model round their operands with; 0 where they multiply in F32.
     *
     * @param routes whether the model has experts, whose choice a rounding could turn round
     */
    double operandRounding(boolean routes) {
        return 0;
    }

    /**
     * Largest error of a number of the forward pass. A layer has up to six projections one behind the other (queries, o,
     * gate, down, and two of per-layer inputs), of two operands each; where these are rounded, independent relative errors
     * add up in quadrature to {@code sqrt(12 L)} roundings of the numbers' size. No single one may be further off than
     * eight times that.
     */
    private double tolerance(GoldenRun run, float[] expected) {
        double rounding = operandRounding(run.routes()) * Math.sqrt(12.0 * run.numLayers());
        return F32_TOLERANCE + 8 * rounding * rootMeanSquare(expected);
    }

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
                assertClose(name + " logits of prompt " + prompt.name(), compared, expected, tolerance(run, expected));
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
                assertClose(name + " hidden state " + depth, hidden.get(depth), expected, tolerance(run, expected));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void greedyContinuation(String name) {
        GoldenFixture fixture = GoldenFixture.checkpoint(name);
        try (GoldenRun run = new GoldenRun(fixture.folder(), setup(DType.F32, 64))) {
            assertGreedy(name, fixture, run, Integer.MAX_VALUE);
        }
    }

    @ParameterizedTest
    @MethodSource("checkpointsAndChunks")
    void chunkedPrefill(String name, int chunk) {
        GoldenFixture fixture = GoldenFixture.checkpoint(name);
        try (GoldenRun run = new GoldenRun(fixture.folder(), setup(DType.F32, chunk))) {
            assertGreedy(name, fixture, run, SHORT);
        }
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void besideThreeBusySequences(String name) {
        GoldenFixture fixture = GoldenFixture.checkpoint(name);
        try (GoldenRun run = new GoldenRun(fixture.folder(), new Setup(backend(), DType.F32, 16, true))) {
            assertGreedy(name, fixture, run, SHORT);
        }
    }

    @Test
    void demoModelTells() {
        GoldenFixture fixture = GoldenFixture.demoModel();
        try (GoldenRun run = new GoldenRun(fixture.folder(), setup(DType.F32, 64))) {
            assertGreedy("demo model", fixture, run, Integer.MAX_VALUE);
        }
    }

    private void assertGreedy(String name, GoldenFixture fixture, GoldenRun run, int most) {
        int compared = 0;
        for (Prompt prompt : fixture.prompts()) {
            float[] stored = fixture.logits(prompt);
            float[] expected = Arrays.copyOfRange(stored, stored.length - run.vocabSize(), stored.length);
            float[] logits = run.lastLogits(prompt.ids());
            double tolerance = tolerance(run, expected);
            assertClose(name + " last logits of prompt " + prompt.name(), logits, expected, tolerance);
            int certain = Math.min(most, prompt.certainIds(tolerance));
            assertThat(run.greedy(logits, certain))
                    .as("%s greedy ids of prompt %s", name, prompt.name())
                    .isEqualTo(Arrays.copyOf(prompt.greedy(), certain));
            compared += certain;
        }
        if (operandRounding(run.routes()) == 0) {
            assertThat(compared).as("%s: ids that are certain", name).isGreaterThan(SHORT);
        }
    }

    /**
     * With an F16 cache each key and value is off by up to 2^-11 of itself: two rounded operands a layer, whose errors
     * are independent of each other and of those of other layers, so that relative errors add up in quadrature to
     * {@code 2^-11 sqrt(2 L)} of the logits' size. No single logit may be further off than eight times that: the error
     * of a logit is a sum of many roundings, close to normal.
     */
    @ParameterizedTest
    @MethodSource("checkpoints")
    void logitsWithF16Cache(String name) {
        GoldenFixture fixture = GoldenFixture.checkpoint(name);
        try (GoldenRun run = new GoldenRun(fixture.folder(), setup(DType.F16, 16))) {
            for (Prompt prompt : fixture.prompts()) {
                String what = name + " logits of prompt " + prompt.name() + " with an F16 cache";
                float[] expected = fixture.logits(prompt);
                float[] all = run.allLogits(prompt.ids());
                float[] actual = Arrays.copyOfRange(all, all.length - expected.length, all.length);
                double cacheRounding = F16_ROUNDING * Math.sqrt(2.0 * run.numLayers());
                double rounding =
                        Math.hypot(cacheRounding, operandRounding(run.routes()) * Math.sqrt(12.0 * run.numLayers()));
                double bound = rounding * rootMeanSquare(expected);
                assertThat(rootMeanSquare(difference(actual, expected)))
                        .as("%s: root mean square error", what)
                        .isLessThan(bound);
                assertClose(what, actual, expected, 8 * bound);
                float[] last = Arrays.copyOfRange(all, all.length - run.vocabSize(), all.length);
                int certain = Math.min(SHORT, prompt.certainIds(8 * bound));
                assertThat(run.greedy(last, certain)).as(what).isEqualTo(Arrays.copyOf(prompt.greedy(), certain));
            }
        }
    }

    private static float[] difference(float[] a, float[] b) {
        float[] difference = new float[a.length];
        for (int i = 0; i < a.length; i++) {
            difference[i] = a[i] - b[i];
        }
        return difference;
    }

    private static double rootMeanSquare(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += (double) value * value;
        }
        return Math.sqrt(sum / values.length);
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
