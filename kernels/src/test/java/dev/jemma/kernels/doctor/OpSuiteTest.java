package dev.jemma.kernels.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.Finding;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void theCpuEqualsTheReference(int threads) {
        try (Device one = Backends.open("reference", DeviceOptions.DEFAULT).device();
                Device other =
                        Backends.open("cpu", new DeviceOptions(threads, null)).device()) {
            assertThat(new OpSuite(one, other).run())
                    .allSatisfy(finding ->
                            assertThat(finding.outcome()).as(finding.toString()).isEqualTo(Finding.Outcome.PASSED));
        }
    }
}
