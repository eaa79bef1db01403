package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Same id, same seed, same text: whatever runs beside it, in whatever order, with or without a shared prefix. */
class BatchEqualityTest {
    private static final long SEED = 20261121;
    private static final int CONTEXT = 192;
    private static final int PREFIX = 40;

    /** Prompts of 42 to 122 tokens: the windows of the golden checkpoints are 16, and the answers wrap their rings. */
    private static List<GenerationRequest> requests() {
        Random random = new Random(SEED);
        int[] shared = random.ints(PREFIX, 8, 200).toArray();
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            TokenIds prompt = TokenIds.of(2);
            for (int id : shared) {
                prompt.add(id);
            }
            int own = 1 + random.nextInt(i % 3 == 0 ? 80 : 20);
            random.ints(own, 8, 200).forEach(prompt::add);
            SamplingOptions sampling = new SamplingOptions(i % 4 == 0 ? 0 : 1, 20, 0.95f, 0, i % 5 == 0 ? 1.2f : 1, 7);
            StopConditions stop = new StopConditions(3 + random.nextInt(24), Set.of(), List.of());
            requests.add(new GenerationRequest("r" + i, prompt, sampling, stop, 0));
        }
        return requests;
    }

    private static TokenIds prefix() {
        return TokenIds.of(Arrays.copyOf(requests().getFirst().prompt().toArray(), PREFIX + 1));
    }

    private static Map<String, String> run(
            Golden golden, List<GenerationRequest> requests, int parallel, boolean sharesPrefix) {
        Map<String, String> texts = new HashMap<>();
        int slots = parallel + (sharesPrefix ? 1 : 0);
        SessionOptions options = new SessionOptions(slots, CONTEXT, 13, DType.F32).batchInvariant();
        try (Session session = golden.model().openSession(golden.device(), options)) {
            Scheduler scheduler = new Scheduler(session, golden.model().tokenizer());
            if (sharesPrefix) {
                scheduler.sharePrefix(prefix());
            }
            for (GenerationRequest request : requests) {
                GenerationResult.Collector collector = new GenerationResult.Collector();
                scheduler.submit(request, event -> {
                    collector.accept(event);
                    if (event instanceof GenerationEvent.Finished finished) {
                        texts.put(
                                request.id(),
                                Arrays.toString(collector.result().ids().toArray()));
                        if (sharesPrefix) {
                            assertThat(finished.stats().reusedTokens()).isGreaterThanOrEqualTo(PREFIX + 1);
                        }
                    }
                });
            }
            scheduler.runAll();
        }
        return texts;
    }

    @ParameterizedTest
    @CsvSource({
        "gemma2, reference",
        "gemma3, cpu",
        "gemma3-mlx-4bit, reference",
        "gemma3-mlx-8bit, cpu",
        "gemma4-dense, cpu",
        "gemma4-e, cpu",
        "gemma4-moe-mlx-4bit, cpu"
    })
    void textsDoNotDependOnTheBatch(String checkpoint, String backend) {
        try (Golden golden = Golden.open(checkpoint, backend)) {
            List<GenerationRequest> requests = requests();
            Map<String, String> alone = run(golden, requests, 1, false);
            assertThat(alone).hasSize(requests.size());
            for (int parallel : new int[] {1, 3, 8}) {
                Collections.shuffle(requests, new Random(SEED + parallel));
                assertThat(run(golden, requests, parallel, parallel != 1))
                        .as("%d at once, seed %d", parallel, SEED)
                        .isEqualTo(alone);
                assertThat(run(golden, requests, parallel, parallel == 1))
                        .as("%d at once, seed %d", parallel, SEED)
                        .isEqualTo(alone);
            }
        }
    }

    @Test
    void aPrefixNeedsASlotOfItsOwn() {
        try (Golden golden = Golden.open("gemma3", "reference");
                Session session = golden.session(1, CONTEXT, 13)) {
            Scheduler scheduler = new Scheduler(session, golden.model().tokenizer());
            assertThatThrownBy(() -> scheduler.sharePrefix(prefix())).isInstanceOf(IllegalStateException.class);
        }
    }
}
