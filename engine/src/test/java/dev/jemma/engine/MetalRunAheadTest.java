package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.softmetal.SoftMetal;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Steps that are encoded while others run, on a Mac's Metal or on the software Metal, which runs a step no sooner than
 * someone waits for it: what is read too early is wrong there.
 */
class MetalRunAheadTest {
    private static final String LIBRARY = "jemma.metal.library";

    @BeforeAll
    static void nameTheSoftwareMetal() {
        if (!System.getProperty("os.name").startsWith("Mac")) {
            System.setProperty(LIBRARY, SoftMetal.library().toString());
        }
    }

    @AfterAll
    static void restore() {
        System.clearProperty(LIBRARY);
    }

    @Test
    void greedyTextsAreTheReferencesWithTwoAtOnceAndStopTokens() {
        try (Golden golden = Golden.open("gemma3", "metal");
                Session session = golden.session(2, 256, 64)) {
            assertThat(session.runsAhead()).isTrue();
            Scheduler scheduler = new Scheduler(session, golden.model().tokenizer());
            Map<Golden.Prompt, GenerationResult.Collector> answers = new HashMap<>();
            for (Golden.Prompt prompt : golden.prompts().subList(0, 4)) {
                GenerationResult.Collector collector = new GenerationResult.Collector();
                answers.put(prompt, collector);
                scheduler.submit(request(prompt, stopOf(prompt)), collector);
            }
            scheduler.runAll();
            answers.forEach((prompt, collector) -> {
                int length = prompt.greedy().indexOf(stopOf(prompt)) + 1;
                assertThat(Arrays.stream(collector.result().ids().toArray()).boxed())
                        .isEqualTo(prompt.greedy().subList(0, length));
                assertThat(collector.result().reason()).isEqualTo(FinishReason.STOP_TOKEN);
            });
        }
    }

    /** A token near the middle of what the reference says: the texts end at different steps. */
    private static int stopOf(Golden.Prompt prompt) {
        return prompt.greedy().get(prompt.greedy().size() / 2);
    }

    private static GenerationRequest request(Golden.Prompt prompt, int stop) {
        StopConditions untilStop = new StopConditions(100, Set.of(stop), List.of());
        return new GenerationRequest(
                String.valueOf(prompt.hashCode()), prompt.ids(), SamplingOptions.GREEDY, untilStop, 0);
    }
}
