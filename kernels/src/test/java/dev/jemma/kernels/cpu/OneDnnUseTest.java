package dev.jemma.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.onednn.OneDnnLibrary;
import org.junit.jupiter.api.Test;

class OneDnnUseTest {
    @Test
    void whoInsistsGetsItOrIsToldWhyNot() {
        OneDnnLibrary.Outcome outcome = OneDnnLibrary.outcome();
        if (outcome.library() == null) {
            assertThatExceptionOfType(DeviceException.Unavailable.class)
                    .isThrownBy(() -> new CpuDevice(1, OneDnnUse.ON, false))
                    .withMessageContaining(outcome.reason());
        } else {
            assertThat(description(OneDnnUse.ON)).contains(outcome.reason());
        }
    }

    @Test
    void offIsOff() {
        assertThat(description(OneDnnUse.OFF)).doesNotContain("oneDNN");
    }

    private static String description(OneDnnUse use) {
        try (CpuDevice device = new CpuDevice(1, use, false)) {
            return device.description();
        }
    }
}
