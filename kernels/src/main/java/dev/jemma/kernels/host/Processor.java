package dev.jemma.kernels.host;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What Linux says of the first processor. Elsewhere there is nothing to read and nothing is known.
 *
 * @param vendor as CPUID spells it, such as {@code AuthenticAMD}; empty if unknown
 * @param flags its features in Linux's names, such as {@code amx_tile}; empty if unknown
 */
public record Processor(String vendor, Set<String> flags) {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    private static final Processor UNKNOWN = new Processor("", Set.of());

    /** The processor of this machine, read once. */
    public static Processor here() {
        return Once.HERE;
    }

    private static final class Once {
        static final Processor HERE = read();
    }

    /** Whether it is known to have all of these. */
    public boolean has(String... features) {
        return flags.containsAll(List.of(features));
    }

    public boolean isAmd() {
        return vendor.equals("AuthenticAMD");
    }

    private static Processor read() {
        try (Stream<String> lines = Files.lines(CPU_INFO)) {
            return parse(lines);
        } catch (IOException | UncheckedIOException unreadable) {
            return UNKNOWN;
        }
    }

    /** Lines of {@code name : value}, of which the first of each name counts. */
    static Processor parse(Stream<String> lines) {
        String vendor = "";
        Set<String> flags = Set.of();
        for (Iterator<String> rest = lines.iterator(); rest.hasNext() && (vendor.isEmpty() || flags.isEmpty()); ) {
            String line = rest.next();
            String value = line.substring(line.indexOf(':') + 1).strip();
            if (line.startsWith("vendor_id") && vendor.isEmpty()) {
                vendor = value;
            } else if (line.startsWith("flags") && flags.isEmpty()) {
                flags = Set.copyOf(List.of(value.split("\\s+", -1)));
            }
        }
        return new Processor(vendor, flags);
    }
}
