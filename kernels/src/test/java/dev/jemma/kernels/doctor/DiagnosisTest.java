package dev.jemma.kernels.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;
import dev.jemma.kernels.Finding;
import dev.jemma.kernels.softmetal.SoftMetal;
import org.junit.jupiter.api.Test;

class DiagnosisTest {
    @Test
    void everyBackendIsReported() {
        for (DeviceProvider provider : Backends.providers()) {
            BackendReport report = Diagnosis.of(provider, DeviceOptions.DEFAULT);
            assertThat(report.backend()).isEqualTo(provider.backend());
            assertThat(report.available()).isEqualTo(report.memory() != null);
            assertThat(report.failures()).isEmpty();
        }
        assertThat(Diagnosis.machine()).extracting(Finding::subject).contains("java", "system");
    }

    /** All that a Mac's owner will run, on the software Metal: messages, shaders, every op. */
    @Test
    void theMetalBackendIsSound() {
        DeviceProvider metal = Backends.providers().stream()
                .filter(provider -> provider.backend().equals("metal"))
                .findFirst()
                .orElseThrow();
        boolean mac = System.getProperty("os.name").startsWith("Mac");
        BackendReport report = Diagnosis.of(
                metal, new DeviceOptions(0, mac ? null : SoftMetal.library().toString()));
        assertThat(report.refusal()).isNull();
        assertThat(report.failures()).isEmpty();
        assertThat(report.findings())
                .filteredOn(finding -> finding.outcome() == Finding.Outcome.PASSED)
                .extracting(Finding::subject)
                .containsExactly("messages", "shaders", "ops");
    }
}
