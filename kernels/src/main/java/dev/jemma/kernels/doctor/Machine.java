package dev.jemma.kernels.doctor;

import dev.jemma.kernels.Finding;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Locale;

/** Facts about Java and the operating system. */
final class Machine {
    private Machine() {}

    static List<Finding> facts() {
        Runtime runtime = Runtime.getRuntime();
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return List.of(
                Finding.fact("java", property("java.runtime.version") + ", " + property("java.vm.name")),
                Finding.fact("system", property("os.name") + " " + property("os.version") + ", " + property("os.arch")),
                Finding.fact("processors", String.valueOf(runtime.availableProcessors())),
                Finding.fact("memory", gib(system.getTotalMemorySize()) + ", free " + gib(system.getFreeMemorySize())),
                Finding.fact("java heap", "at most " + gib(runtime.maxMemory())),
                vectorApi());
    }

    private static Finding vectorApi() {
        boolean present = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
        return present
                ? Finding.passed("vector api", "present")
                : Finding.failed("vector api", "absent: start Java with --add-modules=jdk.incubator.vector");
    }

    private static String property(String name) {
        return System.getProperty(name, "unknown");
    }

    private static String gib(long bytes) {
        return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
    }
}
