package dev.jemma.app.bench;

import java.util.OptionalDouble;

/**
 * What is measured on what.
 *
 * @param threads of the cpu backend; 0 for others
 * @param device as it describes itself
 * @param loadSeconds from nothing to a model that can compute
 * @param readBandwidth bytes per second that this machine's processors read with as many threads; empty for other
 *     devices
 */
record BenchSetup(
        String model,
        String weights,
        long weightBytes,
        long parameters,
        String backend,
        int threads,
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
