package dev.jemma.kernels.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * Processor time an op, of the threads that compute: on a machine that does other things too, elapsed time says little.
 * What other processes take of the memory's bandwidth and of the caches is in it all the same; so is spinning for work.
 */
public final class ProcessorTime implements InternalProfiler {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private long start;

    @Override
    public String getDescription() {
        return "processor time of the threads that compute";
    }

    @Override
    public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
        start = nanos();
    }

    @Override
    public Collection<? extends Result<?>> afterIteration(
            BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
        double ops = result.getMetadata().getAllOps();
        double micros = (nanos() - start) / ops / 1e3;
        return List.of(new ScalarResult("processor", micros, "us/op", AggregationPolicy.AVG));
    }

    /** JMH names its threads after the benchmark, with this at the end; the CPU backend's are jemma-cpu-1 and on. */
    private static long nanos() {
        long sum = 0;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().contains("-jmh-worker-") || thread.getName().startsWith("jemma-cpu-")) {
                sum += Math.max(0, THREADS.getThreadCpuTime(thread.threadId()));
            }
        }
        return sum;
    }
}
