package dev.jemma.kernels.bench;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.DeviceOptions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One op as one step on one device; what it reads of weights and caches and computes is counted beside. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public abstract class KernelBenchmark {
    @Param("cpu")
    public String backend = "cpu";

    @Param("1")
    public int threads = 1;

    private Workspace workspace;
    private Kernel kernel;

    /** Per second: 10^9 bytes of weights and caches read, 10^9 additions and multiplications of products. */
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    @State(Scope.Thread)
    public static class Work {
        public double gigabytes;
        public double gigaflops;
    }

    /** Makes the op's inputs. */
    abstract Kernel prepare(Workspace memory);

    /** Rows of the step. */
    abstract int rows();

    /** Position of the step's first row. */
    int position() {
        return 0;
    }

    @Setup
    public void open() {
        DeviceOptions options = new DeviceOptions(threads, null);
        workspace = new Workspace(Backends.open(backend, options).device(), rows(), position());
        kernel = prepare(workspace);
    }

    @Benchmark
    public void run(Work work) {
        workspace.run(kernel);
        work.gigabytes += kernel.bytes() / 1e9;
        work.gigaflops += kernel.flops() / 1e9;
    }

    /** What the op has written, in the order in which {@link #prepare} made it. */
    List<Workspace.Output> outputs() {
        return workspace.outputs();
    }

    Kernel kernel() {
        return kernel;
    }

    @TearDown
    public void close() {
        workspace.close();
    }
}
