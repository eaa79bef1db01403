package dev.jemma.app.bench;

import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * Everything that {@code jemma bench} found out.
 *
 * @param context what was measured on what
 * @param rows in the order of measurement
 * @param peakMemoryBytes most memory that the process held; empty where the system does not say
 */
record BenchReport(Context context, List<BenchRow> rows, OptionalLong peakMemoryBytes) {
    BenchReport {
        rows = List.copyOf(rows);
    }

    /**
     * @param device as it describes itself
     * @param loadSeconds from nothing to a model that can compute
     * @param readBandwidth bytes per second that this machine's processors read; empty for other devices
     */
    record Context(
            String model,
            String weights,
            long weightBytes,
            long parameters,
            String backend,
            String device,
            double loadSeconds,
            OptionalDouble readBandwidth) {

        /** Part of the machine's read bandwidth; empty if that, or the rate, is unknown. */
        OptionalDouble share(double gigabytesPerSecond) {
            return readBandwidth.isPresent() && gigabytesPerSecond > 0
                    ? OptionalDouble.of(gigabytesPerSecond * 1e9 / readBandwidth.getAsDouble())
                    : OptionalDouble.empty();
        }
    }
}
