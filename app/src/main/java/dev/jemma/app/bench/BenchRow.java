package dev.jemma.app.bench;

import java.util.List;
import java.util.OptionalLong;

/**
 * A test's outcome.
 *
 * @param setup what was measured on what
 * @param rates tokens per second of each run, all sequences together
 * @param gigabytesPerSecond what decoding read, in units of 10^9; 0 where memory is not what limits it
 * @param gigaflops what reading a prompt computed per second, in units of 10^9; 0 for others
 * @param peakMemoryBytes most memory that the process held until then; empty where the system does not say
 */
record BenchRow(
        BenchSetup setup,
        BenchTest test,
        List<Double> rates,
        double gigabytesPerSecond,
        double gigaflops,
        OptionalLong peakMemoryBytes) {
    BenchRow {
        rates = List.copyOf(rates);
    }

    double mean() {
        return rates.stream().mapToDouble(rate -> rate).average().orElse(0);
    }

    double deviation() {
        double mean = mean();
        double squares = rates.stream()
                .mapToDouble(rate -> (rate - mean) * (rate - mean))
                .sum();
        return rates.size() < 2 ? 0 : Math.sqrt(squares / (rates.size() - 1));
    }

    double median() {
        List<Double> sorted = rates.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    double perSequence() {
        return mean() / test.sequences();
    }

    /** From the prompt to its first token: reading it is all that happens between. 0 for tests that read none. */
    double secondsToFirstToken() {
        return test.isPrefill() ? test.tokens() / mean() : 0;
    }
}
