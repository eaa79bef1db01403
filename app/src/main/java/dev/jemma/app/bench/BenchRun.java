package dev.jemma.app.bench;

import dev.jemma.engine.PeakMemory;
import dev.jemma.engine.StepCost;
import dev.jemma.engine.Throughput;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Runs tests: until they are as fast as they get, then as often as asked. */
final class BenchRun {
    private static final long MAX_WARM_UP_NANOS = 20_000_000_000L;

    /** Runs that differ by less are as alike as they get on a machine that does other things too. */
    private static final double SETTLED = 0.03;

    private static final int AGREEING = 3;

    private final BenchSetup setup;
    private final Throughput throughput;
    private final StepCost cost;
    private final int repetitions;
    private final boolean warmUp;

    BenchRun(BenchSetup setup, Throughput throughput, StepCost cost, int repetitions, boolean warmUp) {
        this.setup = setup;
        this.throughput = throughput;
        this.cost = cost;
        this.repetitions = repetitions;
        this.warmUp = warmUp;
    }

    /** @param progress hears what is being done */
    BenchRow run(BenchTest test, Consumer<String> progress) {
        if (warmUp) {
            warmUp(test, progress);
        }
        List<Double> rates = new ArrayList<>();
        for (int i = 0; i < repetitions; i++) {
            progress.accept(test.name() + ", run " + (i + 1) + " of " + repetitions);
            rates.add(test.tokens() * 1e9 / nanos(test));
        }
        double mean = rates.stream().mapToDouble(rate -> rate).average().orElse(0);
        return new BenchRow(
                setup, test, rates, gigabytesPerSecond(test, mean), gigaflops(test, mean), PeakMemory.bytes());
    }

    private void warmUp(BenchTest test, Consumer<String> progress) {
        long deadline = System.nanoTime() + MAX_WARM_UP_NANOS;
        int agreeing = 0;
        long last = 0;
        while (agreeing < AGREEING && System.nanoTime() < deadline) {
            progress.accept(test.name() + ", warming up");
            long nanos = nanos(test);
            agreeing = Math.abs(nanos - last) < SETTLED * last ? agreeing + 1 : 1;
            last = nanos;
        }
    }

    private long nanos(BenchTest test) {
        long nanos = 0;
        if (test.prompt() > 0) {
            nanos += throughput.prefillNanos(test.prompt(), test.depth(), test.sequences());
        }
        if (test.generated() > 0) {
            nanos += throughput.decodeNanos(test.generated(), test.depth() + test.prompt(), test.sequences());
        }
        return nanos;
    }

    private double gigabytesPerSecond(BenchTest test, double rate) {
        if (!test.isDecode()) {
            return 0;
        }
        double bytes = 0;
        int first = Math.max(1, test.depth());
        for (int i = 0; i < test.generated(); i++) {
            bytes += cost.decodeBytes(test.sequences(), first + i);
        }
        return bytes * rate / test.tokens() / 1e9;
    }

    private double gigaflops(BenchTest test, double rate) {
        return test.isPrefill() ? cost.prefillFlops(test.depth(), test.prompt()) * rate / test.prompt() / 1e9 : 0;
    }
}
