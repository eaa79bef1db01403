package dev.jemma.kernels.contract;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * {@link KernelChoice#BATCH_INVARIANT}: the rows of some prompts and decodes, each in a step of its own, get the same
 * bits from every op as in steps of two to {@value #MAX_ROWS} rows, put together at random, with prompts divided at random.
 */
public abstract class BatchInvarianceContract {
    /** {@code -Djemma.seed=n} repeats a failure or tries other inputs. */
    private static final long SEED = Long.getLong("jemma.seed", 20261121);

    private static final int MAX_ROWS = 100;

    /** Rows of a step: a pair, around those at which kernels change, and all that are left. */
    private static final int[] STEP_ROWS = {2, 7, 34, MAX_ROWS};

    /** Of prompts, the two edges of a tile of keys, of the window, and of where decodes are split. */
    private static final int[] DECODE_POSITIONS = {
        0, 1, 31, 32, 47, 48, 49, 98, 99, 100, 101, 143, 144, 198, 199, 200, 201, 202, 255, 256, 257, 399, 510, 511,
        512, 640, 766, 767, 768, 798
    };

    /** A text in a slot: {@code promptRows} rows of a prompt from {@code start} on, then {@code decodes}. */
    private record Text(int slot, int start, int promptRows, int decodes) {
        int rows() {
            return promptRows + decodes;
        }
    }

    private static final List<Text> TEXTS = texts();

    private static List<Text> texts() {
        List<Text> texts = new ArrayList<>();
        texts.add(new Text(0, 0, 50, 1));
        texts.add(new Text(1, 185, 29, 2));
        texts.add(new Text(2, 0, 1, 1));
        texts.add(new Text(3, 500, 14, 1));
        for (int position : DECODE_POSITIONS) {
            texts.add(new Text(texts.size(), position, 0, 1));
        }
        return List.copyOf(texts);
    }

    /** The device under test; closed after each test. */
    protected abstract Device open();

    /** Sizes to use for BF16; other formats use the last. */
    protected List<LayerSizes> sizes() {
        return List.of(LayerSizes.GEMMA_3_1B, LayerSizes.GEMMA_3_270M);
    }

    /** Rows of the steps whose bits are compared; {@link #MAX_ROWS} is as many as are left. */
    protected int[] stepRows() {
        return STEP_ROWS.clone();
    }

    @Test
    void bf16() {
        sizes().forEach(sizes -> check(sizes, new WeightFormat.Dense(DType.BF16, 0)));
    }

    @Test
    void f16() {
        check(new WeightFormat.Dense(DType.F16, 0));
    }

    @Test
    void f32() {
        check(new WeightFormat.Dense(DType.F32, 0));
    }

    @Test
    void fourBits() {
        check(new WeightFormat.Affine(4, 64, DType.BF16, 0));
    }

    @Test
    void eightBits() {
        check(new WeightFormat.Affine(8, 32, DType.F16, 0));
    }

    private void check(WeightFormat format) {
        check(sizes().getLast(), format);
    }

    private void check(LayerSizes sizes, WeightFormat format) {
        StepLimits limits = new StepLimits(
                MAX_ROWS,
                MAX_ROWS,
                TEXTS.size(),
                SampleLayer.CONTEXT,
                sizes.numHeads(),
                sizes.queryCols(),
                Math.max(sizes.intermediateSize(), sizes.queryCols()),
                SampleLayer.VOCAB);
        try (Device device = Backends.checked(open());
                SampleLayer layer = new SampleLayer(device, sizes, format, limits, SEED);
                CommandStream stream = device.openStream(limits, KernelChoice.BATCH_INVARIANT)) {
            Map<String, int[]> alone = run(layer, stream, 1, new Random(SEED));
            assertThat(alone)
                    .hasSizeGreaterThan(TEXTS.stream().mapToInt(Text::rows).sum());
            for (int rows : stepRows()) {
                Map<String, int[]> together = run(layer, stream, rows, new Random(SEED + rows));
                String what = sizes + ", " + format + ", steps of " + rows + " rows, jemma.seed " + SEED;
                together.forEach((row, bits) -> compare(what, row, Objects.requireNonNull(alone.get(row)), bits));
            }
        }
    }

    /** All rows of all texts in steps of at most so many; what every op made of each. */
    private static Map<String, int[]> run(SampleLayer layer, CommandStream stream, int stepRows, Random random) {
        Map<String, int[]> results = new LinkedHashMap<>();
        layer.reset();
        Step step = new Step(MAX_ROWS, MAX_ROWS);
        Map<Text, Integer> done = new HashMap<>();
        List<Text> left = new ArrayList<>(TEXTS);
        while (!left.isEmpty()) {
            Collections.shuffle(left, random);
            step.clear();
            for (Text text : left) {
                int room = stepRows - step.count(RowSet.ALL);
                if (room > 0) {
                    done.merge(text, add(step, text, done.getOrDefault(text, 0), room, stepRows, random), Integer::sum);
                }
            }
            left.removeIf(text -> done.getOrDefault(text, 0) == text.rows());
            layer.encode(stream.begin(step));
            stream.await(stream.submit());
            layer.activations().forEach((name, tensor) -> read(results, name, tensor, step));
        }
        return results;
    }

    /** Adds a decode, or a chunk of random length; returns how many rows. */
    private static int add(Step step, Text text, int done, int room, int stepRows, Random random) {
        int position = text.start + done;
        if (done >= text.promptRows) {
            step.addDecode(text.slot, position, token(text, position));
            return 1;
        }
        int left = Math.min(room, text.promptRows - done);
        int rows = stepRows == MAX_ROWS ? left : 1 + random.nextInt(left);
        int[] tokens = IntStream.range(position, position + rows)
                .map(p -> token(text, p))
                .toArray();
        step.addSpan(text.slot, position, tokens, 0, rows, stepRows == 1 ? 1 : random.nextInt(rows + 1));
        return rows;
    }

    private static int token(Text text, int position) {
        return (31 * text.slot + 7 * position) % SampleLayer.VOCAB;
    }

    private static void read(Map<String, int[]> results, String name, Tensor tensor, Step step) {
        RowTable rows = step.rows(tensor.rows());
        for (int row = 0; row < rows.count(); row++) {
            int[] bits = new int[tensor.cols()];
            tensor.at().buffer().read(tensor.rowOffset(row), MemorySegment.ofArray(bits));
            results.put(name + " of slot " + rows.slot(row) + " at " + rows.position(row), bits);
        }
    }

    private static void compare(String what, String row, int[] alone, int[] bits) {
        for (int col = 0; col < bits.length; col++) {
            if (alone[col] != bits[col]) {
                throw new AssertionError("%s: %s, column %d: expected %s as in a step of its own, got %s"
                        .formatted(what, row, col, Float.intBitsToFloat(alone[col]), Float.intBitsToFloat(bits[col])));
            }
        }
    }
}
