package dev.jemma.models.gpu;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Step;
import dev.jemma.kvcache.KvCache;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.gemma.GemmaForward;
import dev.jemma.models.synthetic.FillingDevice;
import dev.jemma.models.synthetic.SyntheticModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Tokens per second of synthetic models on a GPU, as a Markdown table: prefill, decode at several depths, and which share
 * of the memory's copy bandwidth decode reaches. Arguments: backend, GB/s of a large copy (bytes read and written, 0 if
 * unknown), then models as {@code gemma-3-1b:16}. {@code scripts/bench-gpu} runs it.
 *
 * <p>Decode runs as it can at best: the next step is encoded while one runs, its token is what the one before sampled.
 * The column "waiting" is for a host that waits for every token. Batches, given as {@code bench.batches}, are that many
 * sequences that decode together; {@code bench.invariant} measures the kernels of batch-invariant streams.
 */
final class ModelBench implements AutoCloseable {
    private static final int CONTEXT = Integer.getInteger("bench.context", 32768) + 512;
    private static final int CHUNK = Integer.getInteger("bench.chunk", 4096);
    private static final int[] PROMPTS = sizes("bench.prompts", "512,4096");
    private static final int[] DEPTHS = sizes("bench.depths", "0,4096,32768");
    private static final int[] BATCHES = sizes("bench.batches", "");
    private static final int SLOTS = Arrays.stream(BATCHES).max().orElse(1);
    private static final KernelChoice KERNELS =
            Boolean.getBoolean("bench.invariant") ? KernelChoice.BATCH_INVARIANT : KernelChoice.FASTEST;
    private static final int TOKENS = 128;
    private static final int REPETITIONS = Integer.getInteger("bench.repetitions", 3);

    private final FillingDevice device;
    private final GemmaModel model;
    private final KvCache cache;
    private final GemmaForward forward;
    private final CommandStream stream;
    private final Step step = new Step(CHUNK, SLOTS);
    private final int[] tokens;

    private ModelBench(FillingDevice device, Path checkpoint) {
        this.device = device;
        model = GemmaModel.load(checkpoint, device);
        cache = KvCache.allocate(device, GemmaForward.cacheSpec(model.config(), SLOTS, CONTEXT, CHUNK, DType.F16));
        forward = new GemmaForward(model.config(), model.weights(), device, cache, CHUNK, SLOTS);
        stream = device.openStream(forward.limits(), KERNELS);
        tokens = new SplittableRandom(7)
                .ints(CHUNK, 0, model.config().vocabSize())
                .toArray();
    }

    private static int[] sizes(String property, String unless) {
        return Arrays.stream(System.getProperty(property, unless).split(","))
                .filter(size -> !size.isBlank())
                .mapToInt(Integer::parseInt)
                .toArray();
    }

    public static void main(String[] arguments) throws IOException {
        double copyRate = Double.parseDouble(arguments[1]);
        List<String> models = Arrays.asList(arguments).subList(2, arguments.length);
        System.out.println(heading());
        for (String name : models) {
            int colon = name.indexOf(':');
            int bits = Integer.parseInt(name.substring(colon + 1));
            Path folder = Files.createTempDirectory("jemma-bench");
            Path checkpoint = folder.resolve("outline");
            SyntheticModel.writeOutline(name.substring(0, colon), bits, checkpoint);
            var opened = Backends.open(arguments[0], DeviceOptions.DEFAULT).device();
            try (FillingDevice device = new FillingDevice(opened, bits);
                    ModelBench bench = new ModelBench(device, checkpoint)) {
                System.out.println(bench.row(name.substring(0, colon), bits, copyRate));
            } catch (DeviceException.OutOfMemory tooLarge) {
                System.out.println("| " + name + " | does not fit: " + tooLarge.getMessage() + " |");
            } finally {
                delete(checkpoint);
                Files.delete(folder);
            }
        }
    }

    private static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }

    private static String heading() {
        List<String> columns = new ArrayList<>(List.of("model", "bits", "GB a step"));
        Arrays.stream(PROMPTS).forEach(prompt -> columns.add("prefill " + prompt));
        Arrays.stream(DEPTHS).forEach(depth -> columns.add("decode at " + depth));
        Arrays.stream(BATCHES).forEach(batch -> columns.add("batch of " + batch));
        columns.add(4 + PROMPTS.length, "of the copy rate");
        columns.addAll(List.of("waiting", "host us a step"));
        String names = "| " + String.join(" | ", columns) + " |";
        return names + "\n|" + " --- |".repeat(columns.size());
    }

    private String row(String name, int bits, double copyRate) {
        double gigabytes = device.bytesPerStep(model.config()) / 1e9;
        Formatter row = new Formatter(Locale.ROOT);
        row.format("| %s | %d | %.2f ", name, bits, gigabytes);
        for (int prompt : PROMPTS) {
            row.format("| %,.0f ", prompt / prefillSeconds(prompt));
        }
        double[] rates = new double[DEPTHS.length];
        for (int i = 0; i < DEPTHS.length; i++) {
            rates[i] = TOKENS / decodeSeconds(DEPTHS[i], 1, true);
        }
        double rate = rates[0] * gigabytes;
        if (copyRate == 0) {
            row.format("| %,.0f | %,.0f GB/s ", rates[0], rate);
        } else {
            row.format("| %,.0f | %.0f %% ", rates[0], 100 * rate / copyRate);
        }
        for (int i = 1; i < DEPTHS.length; i++) {
            row.format("| %,.0f (-%.0f %%) ", rates[i], 100 * (1 - rates[i] / rates[0]));
        }
        for (int batch : BATCHES) {
            row.format("| %,.0f ", batch * TOKENS / decodeSeconds(0, batch, true));
        }
        row.format("| %,.0f | %.0f |", TOKENS / decodeSeconds(0, 1, false), encodeMicros());
        return row.toString();
    }

    private double prefillSeconds(int prompt) {
        long best = Long.MAX_VALUE;
        for (int i = 0; i < REPETITIONS + 2; i++) {
            long start = System.nanoTime();
            for (int from = 0; from < prompt; from += CHUNK) {
                int to = Math.min(prompt, from + CHUNK);
                step.clear();
                step.addSpan(0, from, tokens, 0, to - from, to == prompt ? 1 : 0);
                stream.await(run(to == prompt));
            }
            best = Math.min(best, System.nanoTime() - start);
        }
        return best / 1e9;
    }

    /** The cache's rows are whatever they are: nothing here depends on them but numbers nobody reads. */
    private double decodeSeconds(int depth, int batch, boolean ahead) {
        long best = Long.MAX_VALUE;
        for (int i = 0; i < REPETITIONS; i++) {
            for (int position = depth; position < depth + 16; position++) {
                stream.await(decode(position, batch, position == depth));
            }
            long start = System.nanoTime();
            long ticket = 0;
            for (int position = depth; position < depth + TOKENS; position++) {
                ticket = decode(position, batch, false);
                if (!ahead) {
                    stream.await(ticket);
                }
            }
            stream.await(ticket);
            best = Math.min(best, System.nanoTime() - start);
        }
        return best / 1e9;
    }

    /** Host time of a step that the device is not waited for: four may be under way. */
    private double encodeMicros() {
        long best = Long.MAX_VALUE;
        for (int i = 0; i < 30; i++) {
            stream.await(decode(20, 1, false));
            long start = System.nanoTime();
            long ticket = decode(21, 1, false);
            best = Math.min(best, System.nanoTime() - start);
            stream.await(ticket);
        }
        return best / 1e3;
    }

    private long decode(int position, int batch, boolean first) {
        step.clear();
        for (int slot = 0; slot < batch; slot++) {
            step.addDecode(slot, position, first ? 7 + slot : -1 - slot);
        }
        return run(true);
    }

    private long run(boolean wantsToken) {
        Commands commands = stream.begin(step);
        forward.encode(commands, step);
        if (wantsToken) {
            commands.argmax(forward.sampled(), forward.logits());
        }
        return stream.submit();
    }

    @Override
    public void close() {
        stream.close();
        forward.close();
        cache.close();
        model.close();
    }
}
