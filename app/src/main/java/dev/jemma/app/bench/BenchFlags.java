package dev.jemma.app.bench;

import dev.jemma.app.flags.ThreadFlags;
import dev.jemma.engine.UsageException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** What to measure: every combination of what is listed. */
final class BenchFlags {
    @Option(names = "-p", split = ",", paramLabel = "N", description = "Prompt tokens; 0: none; default: 512.")
    private List<Integer> promptTokens = List.of(512);

    @Option(names = "-n", split = ",", paramLabel = "N", description = "Tokens to generate; 0: none; default: 128.")
    private List<Integer> generatedTokens = List.of(128);

    @Option(
            names = "-pg",
            paramLabel = "P,N",
            description = "Read P tokens, then generate N, as one test; may be given several times.")
    private List<String> combined = List.of();

    @Option(names = "-d", split = ",", paramLabel = "N", description = "Tokens already in the cache; default: 0.")
    private List<Integer> depths = List.of(0);

    @Option(
            names = {"-b", "--batch", "--parallel"},
            split = ",",
            paramLabel = "N",
            description = "Sequences that generate at once; default: 1.")
    private List<Integer> sequences = List.of(1);

    @Option(
            names = {"-t", "--threads"},
            split = ",",
            paramLabel = "N",
            description = "Threads of the cpu backend; 0: one per core (the default).")
    private List<Integer> threads = List.of(0);

    @Option(names = "-r", paramLabel = "N", description = "Measured runs of each test; default: 5.")
    private int repetitions = 5;

    @Option(
            names = "--warmup",
            negatable = true,
            fallbackValue = "true",
            defaultValue = "true",
            description = "Repeat each test unmeasured until three runs agree within 3 %% (the default).")
    private boolean warmUp = true;

    /** Thread counts to measure with; 0 for one per core. */
    List<Integer> threads() {
        threads.forEach(ThreadFlags::checked);
        return threads;
    }

    int repetitions() {
        if (repetitions < 1) {
            throw new UsageException("r: expected 1 or more, got " + repetitions);
        }
        return repetitions;
    }

    boolean warmUp() {
        return warmUp;
    }

    List<BenchTest> tests() {
        check("p", promptTokens, 0);
        check("n", generatedTokens, 0);
        check("d", depths, 0);
        check("parallel", sequences, 1);
        List<BenchTest> tests = new ArrayList<>();
        for (int depth : depths) {
            promptTokens.stream().filter(n -> n > 0).forEach(n -> tests.add(new BenchTest(n, 0, depth, 1)));
            for (int count : generatedTokens) {
                for (int batch : count > 0 ? sequences : List.<Integer>of()) {
                    tests.add(new BenchTest(0, count, depth, batch));
                }
            }
            for (String pair : combined) {
                sequences.forEach(batch -> tests.add(combined(pair, depth, batch)));
            }
        }
        if (tests.isEmpty()) {
            throw new UsageException("bench: expected a test, got none; give -p, -n or -pg");
        }
        return tests;
    }

    private static BenchTest combined(String pair, int depth, int batch) {
        String[] parts = pair.split(",", -1);
        try {
            BenchTest test = new BenchTest(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]), depth, batch);
            if (parts.length == 2 && test.prompt() > 0 && test.generated() > 0) {
                return test;
            }
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException malformed) {
            throw wrongPair(pair);
        }
        throw wrongPair(pair);
    }

    private static UsageException wrongPair(String pair) {
        return new UsageException("pg: expected P,N with two counts of 1 or more, got '" + pair + "'");
    }

    private static void check(String option, List<Integer> counts, int smallest) {
        for (int count : counts) {
            if (count < smallest) {
                throw new UsageException(option + ": expected " + smallest + " or more, got " + count);
            }
        }
    }
}
