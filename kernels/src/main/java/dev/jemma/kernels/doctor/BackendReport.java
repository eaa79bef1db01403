package dev.jemma.kernels.doctor;

import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.Finding;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What was found out about one backend.
 *
 * @param refusal why it cannot be used here; null if it can
 * @param description what the device calls itself; empty if refused
 * @param memory null if refused
 */
public record BackendReport(
        String backend,
        @Nullable String refusal,
        String description,
        @Nullable DeviceMemory memory,
        List<Finding> findings) {
    public BackendReport {
        findings = List.copyOf(findings);
    }

    static BackendReport refused(String backend, String reason) {
        return new BackendReport(backend, reason, "", null, List.of());
    }

    public boolean available() {
        return refusal == null;
    }

    /** What was checked and found wrong; empty too for a backend that is not there. */
    public List<Finding> failures() {
        return findings.stream()
                .filter(finding -> finding.outcome() == Finding.Outcome.FAILED)
                .toList();
    }
}
