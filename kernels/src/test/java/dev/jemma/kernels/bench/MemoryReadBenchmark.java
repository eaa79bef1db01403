package dev.jemma.kernels.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What one thread can read from memory at all, in four streams as the kernels read: the most that a decode can do. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class MemoryReadBenchmark {
    private static final VectorSpecies<Long> SPECIES = LongVector.SPECIES_PREFERRED;
    private static final long QUARTER = 150_000_000 / 64 * 64;

    private final MemorySegment memory =
            Arena.ofAuto().allocate(4 * QUARTER, 64).fill((byte) 1);

    @Benchmark
    public long read(KernelBenchmark.Work work) {
        work.gigabytes += 4 * QUARTER / 1e9;
        LongVector a = LongVector.zero(SPECIES);
        LongVector b = a;
        LongVector c = a;
        LongVector d = a;
        for (long i = 0; i < QUARTER; i += (long) Long.BYTES * SPECIES.length()) {
            a = a.add(at(i));
            b = b.add(at(i + QUARTER));
            c = c.add(at(i + 2 * QUARTER));
            d = d.add(at(i + 3 * QUARTER));
        }
        return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
    }

    private LongVector at(long offset) {
        return LongVector.fromMemorySegment(SPECIES, memory, offset, ByteOrder.nativeOrder());
    }
}
