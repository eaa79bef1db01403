package dev.jemma.kernels.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.Finding;
import org.junit.jupiter.api.Test;

class OpSuiteTest {
    @Test
    void theReferenceEqualsItself() {
        try (Device one = Backends.open("reference", DeviceOptions.DEFAULT).device();
                Device other = Backends.open("reference", DeviceOptions.DEFAULT).device()) {
            assertThat(new OpSuite(one, other).run())
                    .extracting(Finding::outcome)
                    .containsExactly(Finding.Outcome.PASSED);
        }
    }
}
