package dev.jemma.models.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Budgets of a decode step's host side, on a GPU that does nothing. */
class DecodeBudgetTest {
    private static final int MAX_DISPATCHES = 12;

    /** Positions before and after attention splits its keys over 32 threadgroups. */
    private static final int[] POSITIONS = {10, 500};

    private static final int STEPS = 200;
    private static final int MAX_ROUNDS = 200;

    private static Path checkpoint(String name) {
        return Path.of(System.getProperty("jemma.golden"), name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3", "gemma3-mlx-4bit", "gemma3-f32-untied", "gemma4-dense"})
    void denseLayerTakesAtMostTwelveDispatches(String name) {
        try (IdleDecode decode = new IdleDecode(checkpoint(name))) {
            for (int position : POSITIONS) {
                List<Integer> perLayer = decode.dispatchesPerLayer(position);
                assertThat(perLayer)
                        .as("%s at position %d: %s", name, position, perLayer)
                        .allMatch(dispatches -> dispatches <= MAX_DISPATCHES);
            }
        }
    }

    /** One layer may take more: the one from which on only output rows go on, which copies these. */
    @Test
    void layersWithPerLayerInputsTakeNoMore() {
        try (IdleDecode decode = new IdleDecode(checkpoint("gemma4-e"))) {
            for (int position : POSITIONS) {
                List<Integer> perLayer = decode.dispatchesPerLayer(position);
                assertThat(perLayer.stream()
                                .filter(dispatches -> dispatches > MAX_DISPATCHES)
                                .count())
                        .as("layers over budget at position %d: %s", position, perLayer)
                        .isLessThanOrEqualTo(1);
            }
        }
    }

    /** Whatever the compiler needs of warm-up: in the end, a round of steps allocates nothing at all. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3", "gemma3-mlx-8bit", "gemma4-dense", "gemma4-e", "gemma4-moe"})
    void stepAllocatesNothingAndCompilesNothing(String name) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (IdleDecode decode = new IdleDecode(checkpoint(name))) {
            decode.step(0);
            int pipelines = decode.driver().pipelines();
            long allocated = Long.MAX_VALUE;
            for (int round = 0; round < MAX_ROUNDS && allocated != 0; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int position = 1; position <= STEPS; position++) {
                    decode.step(2 * position);
                }
                allocated = threads.getCurrentThreadAllocatedBytes() - before;
            }
            assertThat(allocated)
                    .as("%s: bytes of the last %d steps", name, STEPS)
                    .isZero();
            assertThat(decode.driver().pipelines())
                    .as("%s: pipelines after the first step", name)
                    .isEqualTo(pipelines);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma3", "gemma4-moe"})
    void everythingIsReleased(String name) {
        IdleDecode decode = new IdleDecode(checkpoint(name));
        decode.step(0);
        decode.close();
        assertThat(decode.driver().open()).as("buffers and streams").isZero();
    }
}
