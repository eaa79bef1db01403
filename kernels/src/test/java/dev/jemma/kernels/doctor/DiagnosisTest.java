package dev.jemma.kernels.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.Finding;
import org.junit.jupiter.api.Test;

class DiagnosisTest {
    @Test
    void everyBackendIsReported() {
        Diagnosis diagnosis = Diagnosis.of(DeviceOptions.DEFAULT);
        assertThat(diagnosis.backends()).extracting(BackendReport::backend).contains("reference");
        for (BackendReport report : diagnosis.backends()) {
            assertThat(report.available()).isEqualTo(report.memory() != null);
            assertThat(report.findings())
                    .filteredOn(finding -> finding.outcome() == Finding.Outcome.FAILED)
                    .isEmpty();
        }
        assertThat(diagnosis.machine()).extracting(Finding::subject).contains("java", "system");
        assertThat(diagnosis.sound()).isTrue();
    }
}
