package dev.jemma.app.bench;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.ProgressBar;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.flags.ModelFlags;
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
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
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
            "Every test is repeated until three runs agree, then measured. -p, -n, -d, -b and -t take lists (1,2,4), and",
            "every combination is measured.",
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

    @Mixin
    private final BenchFlags benchFlags = new BenchFlags();

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
        BenchFormat output = BenchFormat.of(format);
        if (compare != null && output != BenchFormat.MD) {
            throw new UsageException(
                    "compare: expected -o md, which alone has a column for ratios, got '" + format + "'");
        }
        List<BenchTest> tests = benchFlags.tests();
        List<Integer> threads = benchFlags.threads();
        EarlierReport earlier = compare == null ? EarlierReport.NONE : EarlierReport.read(compare);
        if (plot != null && !BenchPlot.canWrite(plot)) {
            throw new UsageException("plot: expected a file named .svg or .png, got '" + plot + "'");
        }
        BenchOutput results = output.open(terminal.out(), earlier);
        List<BenchRow> rows = new ArrayList<>();
        try (ProgressBar bar = new ProgressBar(terminal, "bench")) {
            int all = tests.size() * threads.size();
            for (int count : threads) {
                measure(count, tests, what -> bar.show((double) rows.size() / all, what), row -> {
                    bar.clear();
                    rows.add(row);
                    results.row(row);
                });
            }
        }
        results.end();
        if (plot != null) {
            new BenchPlot(rows).write(plot);
        }
        return ExitCode.OK;
    }

    private void measure(int threads, List<BenchTest> tests, Consumer<String> progress, Consumer<BenchRow> results) {
        long start = System.nanoTime();
        ModelFlags.Place place = modelFlags.open(threads, terminal);
        try (Device device = place.device();
                GemmaModel model = GemmaModel.load(place.directory(), device)) {
            if (!hasThreads(device) && benchFlags.threads().size() > 1) {
                throw new UsageException("threads: expected one value with backend " + device.backend()
                        + ", which threads mean nothing to, got " + benchFlags.threads());
            }
            int slots = tests.stream().mapToInt(BenchTest::sequences).max().orElse(1);
            int needed = tests.stream().mapToInt(BenchTest::positions).max().orElse(1);
            int largest = model.config().maxPositionEmbeddings();
            SessionOptions options = modelFlags.sessionOptions(device, slots, needed, largest);
            if (needed > options.contextSize()) {
                throw new UsageException("bench: expected tests of at most " + options.contextSize()
                        + " positions (the context size), got one of " + needed + "; use smaller -d, -p or -n");
            }
            try (Session session = new Session(model.config(), model.weights(), device, options)) {
                BenchSetup setup = setup(model, device, threads, (System.nanoTime() - start) / 1e9);
                BenchRun run = new BenchRun(
                        setup,
                        new Throughput(session, model.config().vocabSize()),
                        new StepCost(model.config(), model.weights(), options.kvType()),
                        benchFlags.repetitions(),
                        benchFlags.warmUp());
                tests.forEach(test -> results.accept(run.run(test, progress)));
            }
        }
    }

    private static BenchSetup setup(GemmaModel model, Device device, int asked, double loadSeconds) {
        int threads = hasThreads(device) ? cores(asked) : 0;
        return new BenchSetup(
                model.config().name(),
                model.weightFormat(),
                model.weightBytes(),
                model.parameterCount(),
                device.backend(),
                threads,
                device.description(),
                loadSeconds,
                device.isAsynchronous()
                        ? OptionalDouble.empty()
                        : OptionalDouble.of(ReadBandwidth.measure(Math.max(1, threads))));
    }

    /** Whether a number of threads means anything to a device. */
    private static boolean hasThreads(Device device) {
        return device.backend().equals("cpu");
    }

    private static int cores(int asked) {
        return asked > 0 ? asked : Runtime.getRuntime().availableProcessors();
    }
}
