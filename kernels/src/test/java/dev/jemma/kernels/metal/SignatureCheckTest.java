package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Mistakes of the glue that no compiler sees are named before the message is sent. */
class SignatureCheckTest extends MetalTest {
    @Test
    void isOnForTheWholeTestRun() {
        assertThat(SignatureCheck.ENABLED).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "commandBuffers|@@:|has no method commandBuffers",
                "commandBuffer|Q@:|Java passes Q@:, the method takes @16@0:8",
                "setLabel:|v@:Q|Java passes v@:Q, the method takes v24@0:8@16",
            })
    void aWrongSelectorOrSignatureIsNamed(String name, String encoding, String complaint) {
        long queue = Send.get(driver.device(), Messages.NEW_COMMAND_QUEUE);
        Message wrong = Message.of(name, encoding);
        assertThatThrownBy(() -> {
                    if (wrong.shape() == Shape.LONG) {
                        Send.get(queue, wrong);
                    } else {
                        Send.send(queue, wrong, 0);
                    }
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(complaint);
        ObjC.release(queue);
    }

    /** A parameter block by value where the method takes a pointer: once a crash with a wild buffer index. */
    @Test
    void aMessageIsSentInItsOwnShapeOnly() {
        assertThatThrownBy(() -> Send.send(driver.device(), Messages.DISPATCH, 1, 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("sent as VOID_JJ");
        assertThatThrownBy(() -> Send.send(0, Messages.COMMIT)).hasMessage("metal: commit sent to nil");
    }

    @Test
    void everyMessageOfADeviceIsRight() {
        for (Message message : Messages.OF_DEVICE) {
            assertThat(SignatureCheck.fault(driver.device(), message)).isNull();
        }
    }
}
