package dev.jemma.kernels.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class ReferenceStreamTest {
    private static final StepLimits LIMITS = new StepLimits(4, 2, 2, 16, 2, 8, 8, 16);

    @Test
    void isOpenedByNameOnly() {
        try (Device device = Backends.open("reference", DeviceOptions.DEFAULT).device()) {
            assertThat(device.backend()).isEqualTo("reference");
        }
        assertThat(new ReferenceProvider().rank()).isNegative();
    }

    @Test
    void stepMayBeReusedOnceBegun() {
        try (Device device = new ReferenceDevice();
                CommandStream stream = device.openStream(LIMITS);
                DeviceBuffer buffer = device.allocate(4 * Integer.BYTES, "ids");
                DeviceBuffer previous = device.allocate(2 * Integer.BYTES, "sampled")) {
            previous.write(0, MemorySegment.ofArray(new int[] {7, 8}));
            Step step = new Step(4, 2);
            step.addSpan(0, 5, new int[] {3, -2, 4}, 0, 3, 1);
            Commands commands = stream.begin(step);
            step.clear();
            commands.tokens(Tensor.i32(buffer, RowSet.ALL, 1), Tensor.i32(previous, RowSet.OUTPUT, 1));
            stream.await(stream.submit());

            int[] ids = new int[4];
            buffer.read(0, MemorySegment.ofArray(ids));
            assertThat(ids).containsExactly(3, 8, 4, 0);
        }
    }

    @Test
    void ticketsRiseByOne() {
        try (Device device = new ReferenceDevice();
                CommandStream stream = device.openStream(LIMITS)) {
            Step step = new Step(1, 1);
            step.addSpan(0, 0, new int[] {0}, 0, 1, 1);
            for (int i = 0; i < 3; i++) {
                stream.begin(step);
                assertThat(stream.submit()).isEqualTo(i + 1);
            }
            stream.await(3);
            assertThatIllegalArgumentException().isThrownBy(() -> stream.await(4));
            assertThat(stream.deviceNanos()).isPositive();
        }
    }
}
