package dev.jemma.kernels.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * Memory of the machine or container. What Java calls free leaves out the page cache on Linux and macOS, which gives
 * way to allocations: after a model file was read through once, little would seem free.
 */
final class SystemMemory {
    private static final Path MEMINFO = Path.of("/proc/meminfo");

    private SystemMemory() {}

    private static com.sun.management.OperatingSystemMXBean system() {
        return (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    }

    /** Bytes of the machine, or the container's limit. */
    static long total() {
        return system().getTotalMemorySize();
    }

    /**
     * Bytes that can be allocated without swapping: {@code MemAvailable} on Linux, see proc(5). macOS keeps no such
     * number; three quarters of the memory is what it lets a GPU take, less what {@code allocatedBytes} we took.
     */
    static long available(long allocatedBytes) {
        if (Files.isReadable(MEMINFO)) {
            try (Stream<String> lines = Files.lines(MEMINFO)) {
                OptionalLong available = memAvailable(lines);
                if (available.isPresent()) {
                    return Math.min(available.getAsLong(), total());
                }
            } catch (IOException failure) {
                throw new UncheckedIOException(MEMINFO.toString(), failure);
            }
        }
        boolean mac = System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("mac");
        return mac ? Math.max(0, total() / 4 * 3 - allocatedBytes) : system().getFreeMemorySize();
    }

    /** The value of {@code MemAvailable:   12345 kB} in bytes; empty before Linux 3.14. */
    static OptionalLong memAvailable(Stream<String> meminfo) {
        return meminfo.filter(line -> line.startsWith("MemAvailable:"))
                .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst();
    }
}
