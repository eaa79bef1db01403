package dev.jemma.kernels.doctor;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;
import dev.jemma.kernels.Finding;
import java.util.ArrayList;
import java.util.List;

/** Examines this machine as far as Jemma is concerned. */
public final class Diagnosis {
    private static final String REFERENCE = "reference";

    private Diagnosis() {}

    /** Java and the operating system. */
    public static List<Finding> machine() {
        return Machine.facts();
    }

    /** One backend. Takes seconds where kernels have to be compiled: every one is, and every op is run. */
    public static BackendReport of(DeviceProvider provider, DeviceOptions options) {
        String name = provider.backend();
        try (Device device = Backends.open(name, options).device()) {
            List<Finding> findings = new ArrayList<>(provider.examine(options));
            if (!name.equals(REFERENCE)) {
                findings.addAll(compare(device));
            }
            return new BackendReport(name, null, device.description(), device.memory(), findings);
        } catch (DeviceException.Unavailable refused) {
            return BackendReport.refused(name, String.valueOf(refused.getMessage()));
        }
    }

    private static List<Finding> compare(Device device) {
        try (Device reference = Backends.open(REFERENCE, DeviceOptions.DEFAULT).device()) {
            return new OpSuite(reference, device).run();
        }
    }
}
