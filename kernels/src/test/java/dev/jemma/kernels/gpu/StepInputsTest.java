package dev.jemma.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class StepInputsTest {
    private static final StepLimits LIMITS = new StepLimits(40, 5, 4, 1000, 8, 512, 512, 1000);

    private static int[] ints(MemorySegment block, long at, int count) {
        return block.asSlice(at, 4L * count).toArray(ValueLayout.JAVA_INT);
    }

    @Test
    void spansAreCutIntoTilesAndSingleRows() {
        try (Arena arena = Arena.ofConfined()) {
            Step step = new Step(40, 5);
            int[] tokens = new int[40];
            tokens[0] = -1;
            tokens[39] = 7;
            step.addSpan(2, 100, tokens, 0, 1, 1);
            step.addSpan(1, 50, tokens, 1, 38, 2);
            step.addSpan(0, 9, tokens, 38, 40, 1);
            StepInputs inputs = new StepInputs(arena, LIMITS, KernelChoice.FASTEST);
            MemorySegment block = inputs.fill(step);
            StepInputs.Table all = inputs.table(RowSet.ALL);
            assertThat(ints(block, inputs.tokens(), 40)).startsWith(-1, 0).endsWith(0, 7);
            assertThat(ints(block, inputs.outputRows(), 4)).containsExactly(0, 36, 37, 39);
            assertThat(ints(block, all.positions(), 40)).startsWith(100, 50, 51).endsWith(86, 9, 10);
            assertThat(ints(block, all.slots(), 40)).startsWith(2, 1).endsWith(1, 0, 0);
            assertThat(ints(block, all.everyRow(), 40)).startsWith(0, 1, 2).endsWith(39);
            assertThat(all.numSingleRows()).isEqualTo(3);
            assertThat(ints(block, all.singleRows(), 3)).containsExactly(0, 38, 39);
            assertThat(all.numTiles16()).isEqualTo(3);
            assertThat(ints(block, all.tiles16(), 6)).containsExactly(1, 16, 17, 16, 33, 5);
            assertThat(all.numTiles8()).isEqualTo(5);
            assertThat(ints(block, all.tiles8(), 10)).containsExactly(1, 8, 9, 8, 17, 8, 25, 8, 33, 5);
            StepInputs.Table output = inputs.table(RowSet.OUTPUT);
            assertThat(output.numTiles16()).isZero();
            assertThat(ints(block, output.positions(), 4)).containsExactly(100, 85, 86, 10);
            assertThat(ints(block, output.singleRows(), 4)).containsExactly(0, 1, 2, 3);
        }
    }
}
