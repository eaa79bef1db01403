package dev.jemma.kernels.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.Commands;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every benchmark measures the op that it names: on the CPU backend it computes what the reference computes. */
class KernelBenchmarksTest {
    /**
     * The difference of two results over the length of one. Activations narrowed to BF16 are off by up to 2^-9 each,
     * independently of each other, and geglu doubles that at most: below 2^-7. What another op, other inputs or
     * nothing written leave is about 1, or NaN. How exact an op is, the contract tests say.
     */
    private static final double ALIKE = 0x1p-7;

    static List<Named<Supplier<KernelBenchmark>>> benchmarks() {
        List<Named<Supplier<KernelBenchmark>>> all = new ArrayList<>();
        for (int rows : new int[] {1, 5}) {
            for (RowOpsBenchmark.Op op : RowOpsBenchmark.Op.values()) {
                all.add(Named.of(op + " of " + rows, () -> rowOp(op, rows)));
            }
            for (ProjectionBenchmark.Op op : ProjectionBenchmark.Op.values()) {
                for (Format format : Format.values()) {
                    all.add(Named.of(op + " " + format + " of " + rows, () -> projection(op, format, rows)));
                }
            }
            for (HeadOpsBenchmark.Op op : HeadOpsBenchmark.Op.values()) {
                for (int window : new int[] {0, 16}) {
                    all.add(Named.of(op + " of " + rows + ", window " + window, () -> headOp(op, rows, window)));
                }
            }
            for (ExpertBenchmark.Op op : ExpertBenchmark.Op.values()) {
                all.add(Named.of(op + " of " + rows, () -> expert(op, rows)));
            }
            for (ResultBenchmark.Op op : ResultBenchmark.Op.values()) {
                all.add(Named.of(op + " of " + rows, () -> result(op, rows)));
            }
        }
        return all;
    }

    private static KernelBenchmark rowOp(RowOpsBenchmark.Op op, int rows) {
        RowOpsBenchmark benchmark = new RowOpsBenchmark();
        benchmark.op = op;
        benchmark.rows = rows;
        benchmark.cols = 96;
        return benchmark;
    }

    private static KernelBenchmark projection(ProjectionBenchmark.Op op, Format format, int rows) {
        ProjectionBenchmark benchmark = new ProjectionBenchmark();
        benchmark.op = op;
        benchmark.format = format;
        benchmark.rows = rows;
        benchmark.outputs = 40;
        benchmark.cols = 128;
        benchmark.megabytes = 0;
        return benchmark;
    }

    private static KernelBenchmark headOp(HeadOpsBenchmark.Op op, int rows, int window) {
        HeadOpsBenchmark benchmark = new HeadOpsBenchmark();
        benchmark.op = op;
        benchmark.rows = rows;
        benchmark.depth = 40;
        benchmark.window = window;
        benchmark.headDim = 32;
        return benchmark;
    }

    private static KernelBenchmark expert(ExpertBenchmark.Op op, int rows) {
        ExpertBenchmark benchmark = new ExpertBenchmark();
        benchmark.op = op;
        benchmark.rows = rows;
        benchmark.cols = 64;
        benchmark.width = 64;
        benchmark.experts = 6;
        benchmark.chosen = 2;
        return benchmark;
    }

    private static KernelBenchmark result(ResultBenchmark.Op op, int rows) {
        ResultBenchmark benchmark = new ResultBenchmark();
        benchmark.op = op;
        benchmark.rows = rows;
        benchmark.vocabSize = 1000;
        benchmark.topK = 8;
        return benchmark;
    }

    private static List<Workspace.Output> outputs(KernelBenchmark benchmark, String backend) {
        benchmark.backend = backend;
        benchmark.open();
        try {
            benchmark.run(new KernelBenchmark.Work());
            return benchmark.outputs();
        } finally {
            benchmark.close();
        }
    }

    @ParameterizedTest
    @MethodSource("benchmarks")
    void computesWhatTheReferenceComputes(Supplier<KernelBenchmark> benchmark) {
        List<Workspace.Output> expected = outputs(benchmark.get(), "reference");
        List<Workspace.Output> actual = outputs(benchmark.get(), "cpu");
        assertThat(expected).isNotEmpty().hasSameSizeAs(actual);
        for (int i = 0; i < expected.size(); i++) {
            List<Double> wanted = expected.get(i).elements();
            List<Double> got = actual.get(i).elements();
            if (expected.get(i).exact()) {
                assertThat(got).as("ids (seed %s)", Workspace.SEED).isEqualTo(wanted);
            } else {
                assertThat(distance(wanted, got))
                        .as("distance of %s (seed %s)", expected.get(i).name(), Workspace.SEED)
                        .isLessThan(ALIKE);
            }
        }
    }

    private static double distance(List<Double> expected, List<Double> actual) {
        double difference = 0;
        double length = 0;
        for (int i = 0; i < expected.size(); i++) {
            difference += Math.pow(actual.get(i) - expected.get(i), 2);
            length += Math.pow(expected.get(i), 2);
        }
        return Math.sqrt(difference / length);
    }

    @Test
    void everyOpHasABenchmark() {
        Set<String> measured = new HashSet<>();
        Commands recorder = (Commands) Proxy.newProxyInstance(
                Commands.class.getClassLoader(), new Class<?>[] {Commands.class}, (proxy, method, arguments) -> {
                    measured.add(method.getName());
                    return null;
                });
        for (Named<Supplier<KernelBenchmark>> named : benchmarks()) {
            KernelBenchmark benchmark = named.getPayload().get();
            benchmark.open();
            benchmark.kernel().op().accept(recorder);
            benchmark.close();
        }
        List<String> ops = Arrays.stream(Commands.class.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()))
                .map(Method::getName)
                .toList();
        assertThat(measured).containsExactlyInAnyOrderElementsOf(new HashSet<>(ops));
    }
}
