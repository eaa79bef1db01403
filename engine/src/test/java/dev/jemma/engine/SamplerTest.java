package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class SamplerTest {
    /** Probabilities are stored with six decimals and were computed in F32: half a unit of the last, and 4 ulp of 1. */
    private static final double TOLERANCE = 0.5e-6 + 4 * Math.ulp(1f);

    static Stream<JsonNode> goldenCases() {
        Path cases = Path.of(System.getProperty("jemma.golden"), "sampling", "cases.json");
        return new ObjectMapper().readTree(cases.toFile()).valueStream();
    }

    @ParameterizedTest
    @MethodSource("goldenCases")
    void givesTheReferenceProbabilities(JsonNode golden) {
        JsonNode spec = golden.get("spec");
        SamplingOptions options = new SamplingOptions(
                spec.path("temperature").asFloat(1),
                spec.path("top_k").asInt(0),
                spec.path("top_p").asFloat(1),
                spec.path("min_p").asFloat(0),
                spec.path("repetition_penalty").asFloat(1),
                0);
        float[] logits = floats(golden.get("logits"));
        Candidates candidates = new Candidates(logits.length);
        Sampler sampler = new Sampler(options, "golden", candidates);
        golden.get("previous").valueStream().forEach(id -> sampler.observe(id.asInt()));

        double[] probabilities = probabilities(sampler, candidates, logits);

        for (int id = 0; id < logits.length; id++) {
            assertThat(probabilities[id])
                    .as("probability of %d with %s", id, spec)
                    .isCloseTo(golden.get("probs").get(id).asDouble(), within(TOLERANCE));
        }
    }

    private static float[] floats(JsonNode array) {
        float[] values = new float[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asFloat();
        }
        return values;
    }

    private static double[] probabilities(Sampler sampler, Candidates candidates, float[] logits) {
        float[] changed = logits.clone();
        sampler.penalizeRepeats(changed);
        sampler.filter(changed);
        double total = 0;
        for (int i = 0; i < candidates.count(); i++) {
            total += sampler.candidateWeight(i);
        }
        double[] probabilities = new double[logits.length];
        for (int i = 0; i < candidates.count(); i++) {
            probabilities[candidates.id(i)] = sampler.candidateWeight(i) / total;
        }
        return probabilities;
    }

    @ParameterizedTest
    @ValueSource(strings = {"all", "topK", "topP", "minP"})
    void drawsAsOftenAsTheProbabilitiesSay(String filter) {
        SamplingOptions options = switch (filter) {
            case "topK" -> new SamplingOptions(1.5f, 3, 1, 0, 1, 11);
            case "topP" -> new SamplingOptions(1.5f, 0, 0.9f, 0, 1, 11);
            case "minP" -> new SamplingOptions(1.5f, 0, 1, 0.2f, 1, 11);
            default -> new SamplingOptions(1.5f, 0, 1, 0, 1, 11);
        };
        float[] logits = {0.5f, 2, -1, 1.25f, -3, 2};
        Candidates candidates = new Candidates(logits.length);
        Sampler sampler = new Sampler(options, "a", candidates);
        double[] expected = probabilities(sampler, candidates, logits);
        int draws = 40_000;
        int[] counts = new int[logits.length];
        for (int i = 0; i < draws; i++) {
            counts[sampler.next(logits.clone())]++;
        }
        for (int id = 0; id < logits.length; id++) {
            // Five standard deviations of a binomial count: one false alarm in a million, and the seed is fixed.
            double deviation = Math.sqrt(draws * expected[id] * (1 - expected[id]));
            assertThat((double) counts[id])
                    .as("count of %d", id)
                    .isCloseTo(draws * expected[id], within(5 * deviation));
        }
    }

    @Test
    void topPWithoutTopKEqualsASortOfTheWholeVocabulary() {
        long seed = 20261121;
        Random random = new Random(seed);
        for (int round = 0; round < 50; round++) {
            float[] logits = new float[5000];
            float spread = 0.1f + 8 * random.nextFloat();
            for (int i = 0; i < logits.length; i++) {
                logits[i] = (float) random.nextGaussian() * spread;
            }
            SamplingOptions options = new SamplingOptions(0.5f + random.nextFloat(), 0, 0.99f, 0, 1, 0);
            Candidates candidates = new Candidates(logits.length);
            Sampler sampler = new Sampler(options, "", candidates);
            sampler.filter(logits);
            int kept = candidates.count();
            candidates.selectLargest(logits, logits.length);
            double total = 0;
            for (int i = 0; i < logits.length; i++) {
                total += sampler.candidateWeight(i);
            }
            double before = 0;
            for (int i = 0; i < kept - 1; i++) {
                before += sampler.candidateWeight(i);
            }
            assertThat(before).as("seed %d round %d", seed, round).isLessThan(options.topP() * total);
            assertThat(before + sampler.candidateWeight(kept - 1))
                    .as("seed %d round %d", seed, round)
                    .isGreaterThanOrEqualTo(options.topP() * total * (1 - 1e-12));
        }
    }

    @Test
    void candidatesComeLargestFirstAndTiesByRisingId() {
        Candidates candidates = new Candidates(8);
        candidates.selectLargest(new float[] {-0.0f, 3, -7, 3, 0.0f, -Float.MAX_VALUE, 12, -2}, 4);
        assertThat(candidates.count()).as("the fourth largest has an equal").isEqualTo(5);
        assertThat(new int[] {candidates.id(0), candidates.id(1), candidates.id(2), candidates.id(3), candidates.id(4)})
                .containsExactly(6, 1, 3, 0, 4);
        assertThat(candidates.logit(0)).isEqualTo(12);
        candidates.selectLargest(new float[] {-1, -3, -2}, 3);
        assertThat(candidates.logit(2)).isEqualTo(-3);
    }

    @Test
    void theLargestLogitsAreAsGoodAsAllOfThem() {
        long seed = 3;
        Random random = new Random(seed);
        int incomplete = 0;
        for (int round = 0; round < 300; round++) {
            float[] logits = new float[200];
            // Halves: many are equal, and in some rounds those level with the k-th do not end within the largest 65.
            for (int i = 0; i < logits.length; i++) {
                logits[i] = Math.round(6 * random.nextGaussian()) / (round % 2 == 0 ? 2f : 1f + i);
            }
            int k = 1 + random.nextInt(StepResult.MAX_CANDIDATES);
            SamplingOptions options = new SamplingOptions(0.9f, k, round % 3 == 0 ? 1 : 0.8f, 0.01f, 1, round);
            int[] ids = IntStream.range(0, logits.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(id -> -logits[id]))
                    .mapToInt(id -> id)
                    .limit(StepResult.MAX_CANDIDATES + 1)
                    .toArray();
            float[] largest = new float[ids.length];
            for (int i = 0; i < ids.length; i++) {
                largest[i] = logits[ids[i]];
            }
            assertThat(sampler(options).needs()).isEqualTo(StepResult.CANDIDATES);
            int id = sampler(options).next(ids, largest);
            if (id < 0) {
                incomplete++;
                assertThat(largest[k - 1]).isEqualTo(largest[largest.length - 1]);
            } else {
                assertThat(id)
                        .as("seed %d round %d", seed, round)
                        .isEqualTo(sampler(options).next(logits));
            }
        }
        assertThat(incomplete).isBetween(1, 150);
    }

    private static Sampler sampler(SamplingOptions options) {
        return new Sampler(options, "", new Candidates(200));
    }

    @Test
    void greedyTakesTheLargestAndTheFirstOfEquals() {
        Sampler sampler = new Sampler(SamplingOptions.GREEDY, "", new Candidates(4));
        assertThat(sampler.needs()).isEqualTo(StepResult.ARGMAX);
        assertThat(sampler.next(new float[] {1, 5, 5, -2})).isEqualTo(1);
    }

    @Test
    void greedyWithPenaltyLeavesWhatItHasSeen() {
        Sampler sampler = new Sampler(new SamplingOptions(0, 0, 1, 0, 2, 0), "", new Candidates(3));
        sampler.observe(1);
        assertThat(sampler.needs()).isEqualTo(StepResult.LOGITS);
        assertThat(sampler.next(new float[] {3, 5, -2})).isZero();
    }

    @Test
    void sameSeedAndIdGiveTheSameTokensAndAnotherIdOthers() {
        assertThat(draws(7, "a"))
                .isEqualTo(draws(7, "a"))
                .isNotEqualTo(draws(7, "b"))
                .isNotEqualTo(draws(8, "a"));
    }

    private static String draws(long seed, String id) {
        Sampler sampler = new Sampler(new SamplingOptions(1, 0, 1, 0, 1, seed), id, new Candidates(64));
        StringBuilder drawn = new StringBuilder();
        for (int i = 0; i < 20; i++) {
            drawn.append(sampler.next(new float[64])).append(' ');
        }
        return drawn.toString();
    }

    @Test
    void logprobsAreTheLogarithmsOfTheSoftmax() {
        float[] logits = {1, 3, 2};
        double total = Math.exp(1) + Math.exp(2) + Math.exp(3);
        var best = TokenLogprob.best(logits, 2, new Candidates(3));
        assertThat(best).extracting(TokenLogprob::id).containsExactly(1, 2);
        assertThat(best.getFirst().logprob()).isCloseTo(Math.log(Math.exp(3) / total), within(1e-12));
        assertThat(best.getLast().logprob()).isCloseTo(Math.log(Math.exp(2) / total), within(1e-12));
    }

    @Test
    void refusesOptionsOutOfRange() {
        assertThatThrownBy(() -> new SamplingOptions(-1, 0, 1, 0, 1, 0))
                .isInstanceOf(UsageException.class)
                .hasMessage("temperature: expected 0 or more, got -1.0");
        assertThatThrownBy(() -> new SamplingOptions(1, 0, 0, 0, 1, 0)).hasMessageContaining("top-p: expected");
        assertThatThrownBy(() -> new SamplingOptions(1, 0, 1, Float.NaN, 1, 0)).hasMessageContaining("min-p: expected");
    }
}
