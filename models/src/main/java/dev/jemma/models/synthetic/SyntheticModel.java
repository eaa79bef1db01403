package dev.jemma.models.synthetic;

import dev.jemma.kernels.DType;
import dev.jemma.models.config.CheckpointConfig;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.loading.DecoderTensors;
import dev.jemma.models.loading.TensorSpec;
import dev.jemma.models.safetensors.ElementType;
import dev.jemma.models.safetensors.Floats;
import dev.jemma.models.safetensors.SafetensorsWriter;
import dev.jemma.models.safetensors.SafetensorsWriter.Entry;
import dev.jemma.models.synthetic.RandomBlocks.Block;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Writes checkpoints with the shapes of published models and random weights: N(0, 0.02) in BF16, or MLX affine codes
 * in groups of 64 whose values have the same mean and deviation, uniformly distributed. The same name and width give
 * the same bytes. Such a model is for measuring, its text means nothing: see {@link SyntheticTokenizer}.
 */
public final class SyntheticModel implements AutoCloseable {
    private static final long SEED = 0x6A656D6D61L;
    private static final double DEVIATION = 0.02;
    private static final int GROUP_SIZE = 64;
    private static final String PREFIX = "model.";

    private static final List<String> NAMES = List.of(
            "gemma-2-2b",
            "gemma-2-9b",
            "gemma-2-27b",
            "gemma-3-270m",
            "gemma-3-1b",
            "gemma-3-4b",
            "gemma-3-12b",
            "gemma-3-27b",
            "gemma-4-e2b",
            "gemma-4-e4b",
            "gemma-4-12b",
            "gemma-4-26b-a4b",
            "gemma-4-31b");

    /** Hears about bytes written, first about 0 of them; it may throw to stop. */
    @FunctionalInterface
    public interface Progress {
        void wrote(long bytes, long totalBytes);
    }

    private final int bits;
    private final GemmaConfig config;
    private final boolean outline;
    private final Progress progress;
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final Arena arena = Arena.ofConfined();
    private final Block normal = RandomBlocks.bf16(arena, i -> (float) (DEVIATION * random.nextGaussian()));
    private final Block codes = RandomBlocks.bytes(arena, random);
    private final Block scales;
    private final Block biases;
    private long written;
    private long total;

    private SyntheticModel(int bits, GemmaConfig config, boolean outline, Progress progress) {
        this.outline = outline;
        this.bits = bits;
        this.config = config;
        this.progress = progress;
        int maxCode = (1 << bits) - 1;
        // Uniform codes deviate by sqrt((n^2 - 1) / 12) of n levels; scales vary by half of that, as real ones do.
        double scale = DEVIATION / Math.sqrt((Math.pow(maxCode + 1, 2) - 1) / 12);
        float[] drawn = new float[RandomBlocks.ELEMENTS];
        for (int i = 0; i < drawn.length; i++) {
            drawn[i] = (float) (scale * (0.75 + 0.5 * random.nextDouble()));
        }
        scales = RandomBlocks.bf16(arena, i -> drawn[i]);
        biases = RandomBlocks.bf16(arena, i -> Floats.rounded(drawn[i], DType.BF16) * maxCode / -2);
    }

    /** Models that can be written, in order of family and size. */
    public static List<String> names() {
        return NAMES;
    }

    /**
     * Writes {@code config.json}, {@code generation_config.json}, a tokenizer and {@code model.safetensors}.
     *
     * @param name one of {@link #names}
     * @param bits 16, or 8 or 4 for quantized
     * @param directory made if it does not exist
     * @throws UncheckedIOException if it already holds such files, or cannot be written
     */
    public static void write(String name, int bits, Path directory, Progress progress) {
        write(name, bits, directory, false, progress);
    }

    /**
     * Writes the same for other sizes than those of a published model, for instance its widths in fewer layers.
     *
     * @param configJson a configuration as published models have it
     * @throws UncheckedIOException if the directory already holds such files, or cannot be written
     */
    public static void writeShaped(String configJson, int bits, Path directory) {
        writeFiles(bits == 16 ? configJson : quantized(configJson, bits), bits, directory, false, (_, _) -> {});
    }

    /**
     * Writes the same, but leaves matrices out: holes in the file, which take no time to write and no space. For a {@link
     * FillingDevice}, which makes up matrices itself.
     *
     * @throws UncheckedIOException if the directory already holds such files, or cannot be written
     */
    public static void writeOutline(String name, int bits, Path directory) {
        write(name, bits, directory, true, (_, _) -> {});
    }

    private static void write(String name, int bits, Path directory, boolean outline, Progress progress) {
        if (!NAMES.contains(name) || (bits != 16 && bits != 8 && bits != 4)) {
            throw new IllegalArgumentException(
                    "expected one of " + NAMES + " in 16, 8 or 4 bits, got " + name + " in " + bits);
        }
        writeFiles(configJson(name, bits), bits, directory, outline, progress);
    }

    private static void writeFiles(String configJson, int bits, Path directory, boolean outline, Progress progress) {
        try {
            Files.createDirectories(directory);
            writeNew(directory.resolve("config.json"), configJson);
            writeNew(
                    directory.resolve("generation_config.json"),
                    "{\"do_sample\": true, \"eos_token_id\": 1, \"temperature\": 1.0, \"top_k\": 64, \"top_p\": 0.95}\n");
            GemmaConfig config = CheckpointConfig.read(directory, DType.BF16).gemma();
            SyntheticTokenizer.write(directory, config);
            try (SyntheticModel model = new SyntheticModel(bits, config, outline, progress)) {
                model.writeWeights(directory.resolve("model.safetensors"));
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(directory + ": cannot be written: " + failure.getMessage(), failure);
        }
    }

    /** Parameters of a model's decoder. */
    public static long parameters(String name) {
        try {
            Path directory = Files.createTempDirectory("jemma-config");
            Path file = directory.resolve("config.json");
            try {
                Files.writeString(file, configJson(name, 16));
                GemmaConfig config =
                        CheckpointConfig.read(directory, DType.BF16).gemma();
                return DecoderTensors.of(config, PREFIX, null, false).specs().values().stream()
                        .mapToLong(TensorSpec::parameters)
                        .sum();
            } finally {
                Files.deleteIfExists(file);
                Files.delete(directory);
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static void writeNew(Path file, String text) throws IOException {
        Files.writeString(file, text, StandardOpenOption.CREATE_NEW);
    }

    /** The published model's {@code config.json}; for quantized weights with an entry that says so. */
    static String configJson(String name, int bits) {
        try (InputStream in = SyntheticModel.class.getResourceAsStream(name + ".json")) {
            if (in == null) {
                throw new IllegalStateException("no resource " + name + ".json");
            }
            String json = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return bits == 16 ? json : quantized(json, bits);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static String quantized(String configJson, int bits) {
        return configJson.replaceFirst(
                "\\n}\\s*$",
                ",\n  \"quantization\": {\"group_size\": " + GROUP_SIZE + ", \"bits\": " + bits + "}\n}\n");
    }

    private void writeWeights(Path file) {
        List<TensorSpec> specs = List.copyOf(
                DecoderTensors.of(config, PREFIX, null, bits < 16).specs().values());
        List<Entry> entries = new ArrayList<>();
        specs.forEach(spec -> entries.addAll(entries(spec)));
        total = entries.stream().mapToLong(Entry::byteSize).sum();
        report(0);
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(file, entries, Map.of("format", bits == 16 ? "pt" : "mlx"))) {
            for (TensorSpec spec : specs) {
                for (Entry entry : entries(spec)) {
                    write(writer, spec, entry);
                }
            }
            writer.finish();
        }
    }

    private List<Entry> entries(TensorSpec spec) {
        if (bits == 16 || spec.kind() != TensorSpec.Kind.LINEAR) {
            return List.of(new Entry(spec.tensor(), ElementType.BF16, spec.shape()));
        }
        List<Long> groups = spec.withCols(spec.cols() / GROUP_SIZE);
        return List.of(
                new Entry(spec.tensor(), ElementType.U32, spec.withCols(spec.cols() / (32 / bits))),
                new Entry(spec.scales(), ElementType.BF16, groups),
                new Entry(spec.biases(), ElementType.BF16, groups));
    }

    private void write(SafetensorsWriter writer, TensorSpec spec, Entry entry) {
        if (spec.shape().size() == 1) {
            writer.write(entry.name(), vector(spec.cols()));
            report(entry.byteSize());
        } else if (outline) {
            writer.leaveOut(entry.name());
        } else if (entry.name().equals(spec.biases())) {
            // A group's bias belongs to its scale: both blocks are read from the same place.
            cut(writer, entry, biases, 0);
        } else if (entry.name().equals(spec.scales())) {
            cut(writer, entry, scales, 0);
        } else {
            Block block = entry.type() == ElementType.U32 ? codes : normal;
            cut(writer, entry, block, block.randomOffset(random));
        }
    }

    private void cut(SafetensorsWriter writer, Entry entry, Block block, long offset) {
        for (long done = 0; done < entry.byteSize(); done += block.byteSize()) {
            long length = Math.min(block.byteSize(), entry.byteSize() - done);
            writer.write(entry.name(), block.slice(offset + done, length));
            report(length);
        }
    }

    /** Factors near 1: Gemma 2 and 3 store what a factor has over 1. */
    private MemorySegment vector(int length) {
        double mean = config.family().normAddsOne() ? 0 : 1;
        MemorySegment values = MemorySegment.ofArray(new byte[2 * length]);
        var bf16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < length; i++) {
            values.set(bf16, 2L * i, Floats.toBf16((float) (mean + DEVIATION * random.nextGaussian())));
        }
        return values;
    }

    private void report(long bytes) {
        written += bytes;
        progress.wrote(written, total);
    }

    @Override
    public void close() {
        arena.close();
    }
}
