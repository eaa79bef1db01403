package dev.jemma.app.bench;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.Terminal;
import dev.jemma.app.flags.ModelFlags;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.Throughput;
import dev.jemma.engine.UsageException;
import dev.jemma.kernels.Device;
import dev.jemma.models.GemmaModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.LongSupplier;
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
            "Every test is repeated until three runs agree, then measured."
        },
        footer = {
            "",
            "Examples:",
            "  jemma bench -m ~/models/gemma-3-1b-it",
            "  jemma bench -m synthetic:gemma-3-270m -p 512 -n 128 -d 0,2048",
            "  jemma bench -m synthetic:gemma-3-1b:4bit -p 0 -n 64 --parallel 1,4,16 -o json"
        })
public final class BenchCommand implements Callable<Integer> {
    private static final long MAX_WARM_UP_NANOS = 20_000_000_000L;

    /** Runs that differ by less are as alike as they get on a machine that does other things too. */
    private static final double SETTLED = 0.03;

    private final Terminal terminal;

    @Mixin
    private final ModelFlags modelFlags = new ModelFlags();

    @Option(names = "-p", split = ",", paramLabel = "N", description = "Prompt tokens; 0: none; default: 512.")
    private List<Integer> promptTokens = List.of(512);

    @Option(names = "-n", split = ",", paramLabel = "N", description = "Tokens to generate; 0: none; default: 128.")
    private List<Integer> generatedTokens = List.of(128);

    @Option(names = "-d", split = ",", paramLabel = "N", description = "Tokens already in the cache; default: 0.")
    private List<Integer> depths = List.of(0);

    @Option(
            names = {"-b", "--parallel"},
            split = ",",
            paramLabel = "N",
            description = "Sequences that generate at once; default: 1.")
    private List<Integer> sequences = List.of(1);

    @Option(names = "-r", paramLabel = "N", description = "Measured runs of each test; default: 5.")
    private int repetitions = 5;

    @Option(names = "--no-warmup", description = "Measure from the first run.")
    private boolean noWarmUp;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            description = "md or json; default: md.")
    private String format = "md";

    public BenchCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        check();
        Path directory = modelFlags.directory(terminal);
        try (Device device = modelFlags.openDevice();
                GemmaModel model = GemmaModel.load(directory, device)) {
            SessionOptions options = modelFlags.sessionOptions(
                    max(sequences), needed(), model.config().maxPositionEmbeddings());
            try (Session session = new Session(model.config(), model.weights(), device, options)) {
                BenchTable table = new BenchTable(model, device);
                measure(new Throughput(session, model.config().vocabSize()), table);
                terminal.out().print(format.equals("json") ? table.json() : table.markdown());
            }
        }
        return ExitCode.OK;
    }

    private void check() {
        if (!format.equals("md") && !format.equals("json")) {
            throw new UsageException("output: expected md or json, got '" + format + "'");
        }
        if (repetitions < 1) {
            throw new UsageException("r: expected 1 or more, got " + repetitions);
        }
        if (promptTokens.stream().anyMatch(n -> n < 0)
                || generatedTokens.stream().anyMatch(n -> n < 0)
                || depths.stream().anyMatch(n -> n < 0)
                || sequences.stream().anyMatch(n -> n < 1)) {
            throw new UsageException("expected counts of 0 or more (of sequences: 1 or more)");
        }
    }

    /** Positions of the longest test. A decode at depth 0 stands behind one token. */
    private long needed() {
        return max(depths) + Math.max(max(promptTokens), max(generatedTokens)) + 1L;
    }

    private static int max(List<Integer> values) {
        return values.stream().mapToInt(n -> n).max().orElse(0);
    }

    private void measure(Throughput throughput, BenchTable table) {
        for (int depth : depths) {
            String suffix = depth == 0 ? "" : " @ d" + depth;
            for (int count : promptTokens) {
                if (count > 0) {
                    table.add("pp" + count + suffix, count, 0, run(() -> throughput.prefillNanos(count, depth)));
                }
            }
            for (int count : generatedTokens) {
                for (int batch : sequences) {
                    if (count > 0) {
                        String name = "tg" + count + (batch == 1 ? "" : " x" + batch) + suffix;
                        List<Long> nanos = run(() -> throughput.decodeNanos(count, depth, batch));
                        table.add(name, (long) count * batch, count, nanos);
                    }
                }
            }
        }
    }

    private List<Long> run(LongSupplier test) {
        warmUp(test);
        List<Long> nanos = new ArrayList<>();
        for (int i = 0; i < repetitions; i++) {
            nanos.add(test.getAsLong());
        }
        return nanos;
    }

    private void warmUp(LongSupplier test) {
        long deadline = System.nanoTime() + MAX_WARM_UP_NANOS;
        int agreeing = noWarmUp ? 3 : 0;
        long last = 0;
        while (agreeing < 3 && System.nanoTime() < deadline) {
            long nanos = test.getAsLong();
            agreeing = Math.abs(nanos - last) < SETTLED * last ? agreeing + 1 : 1;
            last = nanos;
        }
    }
}
