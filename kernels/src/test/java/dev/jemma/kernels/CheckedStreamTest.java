package dev.jemma.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.jemma.kernels.reference.ReferenceDevice;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CheckedStreamTest {
    private final Device device = Backends.checked(new ReferenceDevice());
    private final CommandStream stream = device.openStream(new StepLimits(4, 2, 2, 16, 2, 8, 8, 16));
    private final Step step = new Step(8, 4);

    @BeforeEach
    void oneSpan() {
        step.addSpan(0, 0, new int[4], 0, 4, 2);
    }

    @AfterEach
    void close() {
        stream.close();
        device.close();
    }

    @Test
    void stepsAreBegunAndEndedInTurn() {
        assertThatIllegalStateException().isThrownBy(stream::submit).withMessage("no step was begun");
        assertThatIllegalStateException().isThrownBy(stream::abandon);
        stream.begin(step);
        assertThatIllegalStateException()
                .isThrownBy(() -> stream.begin(step))
                .withMessageContaining("neither submitted");
        assertThat(stream.submit()).isEqualTo(1);
        assertThatIllegalStateException().isThrownBy(stream::submit);
        stream.begin(step);
        stream.abandon();
        stream.begin(step);
        assertThat(stream.submit()).isEqualTo(2);
    }

    @Test
    void opsAfterTheStepAreRefused() {
        try (DeviceBuffer buffer = device.allocate(64, "x")) {
            Tensor x = Tensor.f32(buffer, RowSet.ALL, 2);
            Commands commands = stream.begin(step);
            commands.scale(x, 1);
            stream.submit();
            assertThatIllegalStateException().isThrownBy(() -> commands.scale(x, 1));
        }
    }

    /** The stream keeps a copy: a step refilled while ops are still encoded must not change what they are held to. */
    @Test
    void opsAreHeldToTheStepAsItWasBegun() {
        try (DeviceBuffer buffer = device.allocate(4 * 2 * Float.BYTES, "x")) {
            Commands commands = stream.begin(step);
            step.clear();
            step.addSpan(0, 4, new int[8], 0, 8, 0);
            commands.scale(Tensor.f32(buffer, RowSet.ALL, 2), 1);
            stream.submit();
        }
    }

    private void refuses(String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> stream.begin(step))
                .withMessageContaining(message);
    }

    @Test
    void stepsBeyondTheLimits() {
        step.clear();
        refuses("no rows");
        step.addSpan(0, 0, new int[5], 0, 5, 0);
        refuses("exceeds");
        step.clear();
        step.addSpan(0, 0, new int[3], 0, 3, 3);
        refuses("exceeds");
        step.clear();
        step.addSpan(2, 0, new int[1], 0, 1, 0);
        refuses("row 0: slot 2");
        step.clear();
        step.addSpan(0, 14, new int[3], 0, 3, 0);
        refuses("row 2: slot 0, position 16");
    }

    @Test
    void emptyAllocations() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> device.allocate(0, "nothing"))
                .withMessageContaining("nothing");
    }
}
