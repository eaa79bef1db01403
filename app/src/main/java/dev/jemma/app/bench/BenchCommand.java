package dev.jemma.app.bench;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.ProgressBar;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.flags.ModelFlags;
import dev.jemma.engine.PeakMemory;
import dev.jemma.engine.ReadBandwidth;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.StepCost;
import dev.jemma.engine.Throughput;
import dev.jemma.engine.UsageException;
import dev.jemma.kernels.Device;
import dev.jemma.models.GemmaModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code jemma bench}: tokens per second. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Measures how fast prompts are read (pp) and tokens generated (tg), without tokenizer and sampling.",
            "Every test is repeated until three runs agree, then measured. Lists are separated by commas.",
            "GB/s counts what a decode must read, weights and keys and values; its share is of what this machine's",
            "processors read from memory, measured before."
        },
        footer = {
            "",
            "Examples:",
            "  jemma bench -m ~/models/gemma-3-1b-it",
            "  jemma bench -m synthetic:gemma-3-270m -p 512 -n 128 -d 0,2048",
            "  jemma bench -m synthetic:gemma-3-1b:4bit -p 0 -n 64 --parallel 1,4,16 -o json > before.json",
            "  jemma bench -m synthetic:gemma-3-1b:4bit -p 0 -n 64 --parallel 1,4,16 --compare before.json",
            "  jemma bench -m synthetic:gemma-3-270m -p 0 -n 32 -d 0,1024,4096 --plot depth.svg"
        })
public final class BenchCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Mixin
    private final ModelFlags modelFlags = new ModelFlags();

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

    @Option(names = "-r", paramLabel = "N", description = "Measured runs of each test; default: 5.")
    private int repetitions = 5;

    @Option(
            names = "--warmup",
            negatable = true,
            fallbackValue = "true",
            defaultValue = "true",
            description = "Repeat each test unmeasured until three runs agree within 3 %% (the default).")
    private boolean warmUp = true;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            description = "md, csv, json or jsonl; default: md.")
    private String format = "md";

    @Option(
            names = "--compare",
            paramLabel = "FILE",
            description = "Show ratios to what -o json wrote earlier; with -o md.")
    private @Nullable Path compare;

    @Option(
            names = "--plot",
            paramLabel = "FILE",
            description = "Draw tokens/s over sequences, or over depth, as .svg or .png.")
    private @Nullable Path plot;

    public BenchCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        BenchFormat output = format();
        if (compare != null && output != BenchFormat.MD) {
            throw new UsageException(
                    "compare: expected -o md, which alone has a column for ratios, got '" + format + "'");
        }
        List<BenchTest> tests = tests();
        Map<String, Double> earlier = compare == null ? Map.of() : EarlierReport.read(compare);
        if (plot != null && !BenchPlot.canWrite(plot)) {
            throw new UsageException("plot: expected a file named .svg or .png, got '" + plot + "'");
        }
        Path directory = modelFlags.directory(terminal);
        BenchReport report = measure(directory, tests);
        terminal.out().print(output.write(report, earlier));
        if (plot != null) {
            new BenchPlot(report).write(plot);
        }
        return ExitCode.OK;
    }

    private BenchReport measure(Path directory, List<BenchTest> tests) {
        long start = System.nanoTime();
        try (Device device = modelFlags.openDevice();
                GemmaModel model = GemmaModel.load(directory, device)) {
            int slots = tests.stream().mapToInt(BenchTest::sequences).max().orElse(1);
            int needed = tests.stream().mapToInt(BenchTest::positions).max().orElse(1);
            int largest = model.config().maxPositionEmbeddings();
            SessionOptions options = modelFlags.sessionOptions(device, slots, needed, largest);
            if (needed > options.contextSize()) {
                throw new UsageException("bench: expected tests of at most " + options.contextSize()
                        + " positions (the context size), got one of " + needed + "; use smaller -d, -p or -n");
            }
            try (Session session = new Session(model.config(), model.weights(), device, options);
                    ProgressBar bar = new ProgressBar(terminal, "bench")) {
                BenchReport.Context context = context(model, device, (System.nanoTime() - start) / 1e9);
                BenchRun run = new BenchRun(
                        new Throughput(session, model.config().vocabSize()),
                        new StepCost(model.config(), model.weights(), options.kvType()),
                        repetitions,
                        warmUp);
                List<BenchRow> rows = new ArrayList<>();
                for (BenchTest test : tests) {
                    rows.add(run.run(test, what -> bar.show((double) rows.size() / tests.size(), what)));
                }
                return new BenchReport(context, rows, PeakMemory.bytes());
            }
        }
    }

    private BenchReport.Context context(GemmaModel model, Device device, double loadSeconds) {
        OptionalDouble bandwidth = device.isAsynchronous()
                ? OptionalDouble.empty()
                : OptionalDouble.of(ReadBandwidth.measure(modelFlags.threads()));
        return new BenchReport.Context(
                model.config().name(),
                model.weightFormat(),
                model.weightBytes(),
                model.parameterCount(),
                device.backend(),
                device.description(),
                loadSeconds,
                bandwidth);
    }

    private BenchFormat format() {
        for (BenchFormat known : BenchFormat.values()) {
            if (known.name().toLowerCase(Locale.ROOT).equals(format)) {
                return known;
            }
        }
        throw new UsageException("output: expected md, csv, json or jsonl, got '" + format + "'");
    }

    private List<BenchTest> tests() {
        if (repetitions < 1) {
            throw new UsageException("r: expected 1 or more, got " + repetitions);
        }
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
