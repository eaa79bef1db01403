package dev.jemma.kernels.doctor;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;
import dev.jemma.kernels.Finding;
import java.util.ArrayList;
import java.util.List;

/**
 * The state of this machine as Jemma sees it.
 *
 * @param machine Java and operating system
 * @param backends best first
 */
public record Diagnosis(List<Finding> machine, List<BackendReport> backends) {
    private static final String REFERENCE = "reference";

    public Diagnosis {
        machine = List.copyOf(machine);
        backends = List.copyOf(backends);
    }

    /** Examines every backend on the class path. Takes seconds: shaders are compiled and every op is run. */
    public static Diagnosis of(DeviceOptions options) {
        List<BackendReport> backends = new ArrayList<>();
        for (DeviceProvider provider : Backends.providers()) {
            backends.add(report(provider, options));
        }
        return new Diagnosis(Machine.facts(), backends);
    }

    private static BackendReport report(DeviceProvider provider, DeviceOptions options) {
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

    /** Whether every backend that is here does what it should. */
    public boolean sound() {
        return backends.stream().allMatch(BackendReport::sound);
    }
}
