package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.kernels.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PerplexityTest {
    /** Sums of 1e2 logarithms in double precision; batches of other sizes round logits (of about 10) in F32 differently. */
    private static final double TOLERANCE = 1e-4;

    private Golden golden;

    @BeforeAll
    void open() {
        golden = Golden.open("gemma3", "reference");
    }

    @AfterAll
    void close() {
        golden.close();
        assertThat(golden.device().memory().allocatedBytes()).isZero();
    }

    private Perplexity perplexity(int window) {
        return new Perplexity(golden.model().model(), golden.device(), window, DType.F32, 2);
    }

    private static int[] text(int length) {
        return java.util.stream.IntStream.range(0, length)
                .map(i -> 8 + i * 37 % 200)
                .toArray();
    }

    /** The loss of the token behind {@code prompt}, from a generator's log probabilities. */
    private double loss(int[] prompt, int id) {
        try (Session session = golden.session(1, 64, 64)) {
            Scheduler scheduler = new Scheduler(session, golden.model().tokenizer());
            GenerationRequest request = new GenerationRequest(
                    "",
                    TokenIds.of(prompt),
                    SamplingOptions.GREEDY,
                    new StopConditions(1, java.util.Set.of(), List.of()),
                    golden.model().config().vocabSize());
            return -new Generator(scheduler)
                    .generate(request, _ -> {}).logprobs().getFirst().stream()
                            .filter(token -> token.id() == id)
                            .findFirst()
                            .orElseThrow()
                            .logprob();
        }
    }

    @Test
    void everyTokenIsPredictedFromAtLeastHalfAWindow() {
        int[] text = text(25);
        int window = 10;
        List<Double> losses = new ArrayList<>();
        for (int i = 0; i < text.length; i++) {
            // Windows hold 9 tokens behind BOS: [0, 9), then each starts 5 before the first that counts.
            int start = i < 9 ? 0 : 4 * ((i - 9) / 4) + 4;
            int[] prompt = new int[i - start + 1];
            prompt[0] = 2;
            System.arraycopy(text, start, prompt, 1, i - start);
            losses.add(loss(prompt, text[i]));
        }
        double mean = losses.stream().mapToDouble(x -> x).average().orElseThrow();
        List<Integer> progress = new ArrayList<>();
        try (Perplexity perplexity = perplexity(window)) {
            Perplexity.Score score = perplexity.score(text, progress::add);
            assertThat(score.tokens()).isEqualTo(25);
            assertThat(score.meanLoss()).isCloseTo(mean, within(TOLERANCE));
            assertThat(score.perplexity()).isCloseTo(Math.exp(mean), within(TOLERANCE * Math.exp(mean)));
            double squares =
                    losses.stream().mapToDouble(x -> (x - mean) * (x - mean)).sum();
            assertThat(score.standardError())
                    .isCloseTo(Math.exp(mean) * Math.sqrt(squares / 24 / 25), within(TOLERANCE * Math.exp(mean)));
        }
        assertThat(progress).isSorted().last().isEqualTo(25);
    }

    @Test
    void oneWindowIsReadInSteps() {
        int[] text = text(150);
        try (Perplexity whole = perplexity(256);
                Perplexity head = perplexity(101)) {
            double all = whole.score(text, _ -> {}).meanLoss() * 150;
            double first = head.score(Arrays.copyOf(text, 100), _ -> {}).meanLoss() * 100;
            assertThat(all).isGreaterThan(first);
            assertThat(whole.score(Arrays.copyOf(text, 100), _ -> {}).meanLoss() * 100)
                    .isCloseTo(first, within(100 * TOLERANCE));
        }
    }

    @Test
    void refusesWhatCannotBeScored() {
        assertThatThrownBy(() -> perplexity(1)).isInstanceOf(UsageException.class);
        try (Perplexity perplexity = perplexity(8)) {
            assertThatThrownBy(() -> perplexity.score(new int[0], _ -> {})).isInstanceOf(UsageException.class);
        }
    }
}
