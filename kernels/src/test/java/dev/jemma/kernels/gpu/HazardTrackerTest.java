package dev.jemma.kernels.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.DeviceBuffer;
import org.junit.jupiter.api.Test;

class HazardTrackerTest {
    private final IdleDriver driver = new IdleDriver();
    private final DeviceBuffer a = driver.allocate(1000, "a");
    private final DeviceBuffer b = driver.allocate(1000, "b");
    private final HazardTracker hazards = new HazardTracker();

    private boolean barrierBefore(DeviceBuffer read, DeviceBuffer written) {
        hazards.declare(read, 0, 100, false);
        hazards.declare(written, 0, 100, true);
        return hazards.start();
    }

    @Test
    void readersOfOneBufferRunTogether() {
        hazards.declare(a, 0, 100, false);
        assertThat(hazards.start()).isFalse();
        hazards.declare(a, 0, 100, false);
        assertThat(hazards.start()).isFalse();
    }

    @Test
    void readAfterWriteWriteAfterReadWriteAfterWrite() {
        assertThat(barrierBefore(a, b)).isFalse();
        assertThat(barrierBefore(b, a)).as("reads b, which was written").isTrue();
        assertThat(barrierBefore(a, b)).as("reads a, which was written").isTrue();
        hazards.declare(a, 0, 100, true);
        assertThat(hazards.start()).as("writes a, which is read").isTrue();
        hazards.declare(a, 50, 60, true);
        assertThat(hazards.start()).as("writes a, which is written").isTrue();
    }

    @Test
    void partsThatDoNotTouchRunTogether() {
        hazards.declare(a, 0, 100, true);
        assertThat(hazards.start()).isFalse();
        hazards.declare(a, 100, 200, true);
        assertThat(hazards.start()).isFalse();
        hazards.declare(a, 199, 300, false);
        assertThat(hazards.start()).isTrue();
    }

    @Test
    void barrierOrdersAllThatCameBefore() {
        hazards.declare(a, 0, 100, true);
        hazards.start();
        hazards.declare(b, 0, 100, true);
        hazards.start();
        hazards.declare(a, 0, 100, false);
        assertThat(hazards.start()).isTrue();
        hazards.declare(b, 0, 100, false);
        assertThat(hazards.start()).as("b was written before the barrier").isFalse();
        hazards.declare(a, 0, 1, true);
        assertThat(hazards.start()).as("a is read since the barrier").isTrue();
    }

    @Test
    void dispatchDoesNotConflictWithItself() {
        hazards.declare(a, 0, 100, false);
        hazards.declare(a, 0, 100, true);
        assertThat(hazards.start()).isFalse();
    }

    @Test
    void fullTableCostsABarrierAndLosesNothing() {
        int barriers = 0;
        for (int i = 0; i < 1000; i++) {
            hazards.declare(a, i, i + 1, true);
            barriers += hazards.start() ? 1 : 0;
        }
        assertThat(barriers).isBetween(1, 10);
        hazards.declare(a, 999, 1000, false);
        assertThat(hazards.start()).isTrue();
    }
}
