package dev.jemma.kvcache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random prefills, decodes, truncations, clears and forks, with every attention output compared with a plain softmax
 * over a list that forgets nothing.
 */
class RingModelCheckTest {
    private static final int SLOTS = 3;
    private static final int CONTEXT = 150;
    private static final int CHUNK = 9;
    private static final int HEAD_DIM = 4;
    private static final List<LayerGeometry> LAYERS = List.of(
            new LayerGeometry(1, HEAD_DIM, 16), new LayerGeometry(1, HEAD_DIM, 0), new LayerGeometry(1, HEAD_DIM, 40));

    private final Device device =
            Backends.open("reference", DeviceOptions.DEFAULT).device();
    private final KvCache cache = KvCache.allocate(device, new KvCacheSpec(LAYERS, SLOTS, CONTEXT, CHUNK, DType.F32));
    private final int maxRows = SLOTS * CHUNK;
    private final DeviceBuffer[] memory = new DeviceBuffer[4];
    private Tensor q;
    private Tensor k;
    private Tensor v;
    private Tensor out;
    private CommandStream stream;

    /** Keys and values of each slot by position; layers share them, the cache must keep them apart all the same. */
    private final List<List<float[]>> history = new ArrayList<>();

    @BeforeEach
    void open() {
        for (int i = 0; i < memory.length; i++) {
            memory[i] = device.allocate((long) maxRows * HEAD_DIM * Float.BYTES, "activation " + i);
        }
        q = Tensor.f32(memory[0], RowSet.ALL, HEAD_DIM);
        k = Tensor.f32(memory[1], RowSet.ALL, HEAD_DIM);
        v = Tensor.f32(memory[2], RowSet.ALL, HEAD_DIM);
        out = Tensor.f32(memory[3], RowSet.ALL, HEAD_DIM);
        stream = device.openStream(new StepLimits(maxRows, 1, SLOTS, CONTEXT, 1, HEAD_DIM, HEAD_DIM, 1));
        for (int slot = 0; slot < SLOTS; slot++) {
            history.add(new ArrayList<>());
        }
    }

    @AfterEach
    void close() {
        stream.close();
        for (DeviceBuffer buffer : memory) {
            buffer.close();
        }
        cache.close();
        device.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void attentionSeesWhatAListWouldHold(long seed) {
        Random random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < 200; round++) {
            int slot = random.nextInt(SLOTS);
            switch (random.nextInt(8)) {
                case 0, 7 -> refused += truncate(slot, random) ? 0 : 1;
                case 1 -> {
                    if (random.nextInt(4) == 0) {
                        cache.clear(slot);
                        history.get(slot).clear();
                    }
                }
                case 2 -> step(random, slot, (slot + 1) % SLOTS, seed);
                default -> step(random, -1, -1, seed);
            }
        }
        assertThat(refused).as("truncations refused, seed %d", seed).isPositive();
    }

    private boolean truncate(int slot, Random random) {
        int back = random.nextInt(random.nextBoolean() ? 2 * CHUNK : CONTEXT);
        int length = Math.max(0, cache.length(slot) - back);
        if (!cache.canTruncate(slot, length)) {
            assertThatThrownBy(() -> cache.truncate(slot, length))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("prefill again");
            return false;
        }
        cache.truncate(slot, length);
        List<float[]> kept = history.get(slot);
        kept.subList(length, kept.size()).clear();
        return true;
    }

    private void step(Random random, int forkFrom, int forkTo, long seed) {
        Step step = new Step(maxRows, 1);
        int[] rows = new int[SLOTS];
        float[] queries = new float[maxRows * HEAD_DIM];
        float[] keys = new float[maxRows * HEAD_DIM];
        float[] values = new float[maxRows * HEAD_DIM];
        int[] lengths = new int[SLOTS];
        for (int slot = 0; slot < SLOTS; slot++) {
            lengths[slot] = cache.length(slot == forkTo ? forkFrom : slot);
            rows[slot] = Math.min(random.nextInt(CHUNK + 1), CONTEXT - lengths[slot]);
        }
        if (forkTo >= 0) {
            history.set(forkTo, new ArrayList<>(history.get(forkFrom)));
        }
        for (int slot = 0; slot < SLOTS; slot++) {
            if (rows[slot] > 0) {
                addSpan(step, slot, lengths[slot], rows[slot], random, queries, keys, values);
            }
        }
        if (step.count(RowSet.ALL) == 0) {
            if (forkTo >= 0) {
                history.get(forkTo).clear();
                cache.clear(forkTo);
            }
            return;
        }
        memory[0].write(0, MemorySegment.ofArray(queries));
        memory[1].write(0, MemorySegment.ofArray(keys));
        memory[2].write(0, MemorySegment.ofArray(values));
        for (int layer = 0; layer < LAYERS.size(); layer++) {
            Commands c = stream.begin(step);
            if (forkTo >= 0 && layer == 0) {
                cache.fork(c, forkFrom, forkTo);
            }
            c.storeKv(cache.view(layer), k, v);
            c.attention(out, q, cache.view(layer), 0.5f, 0);
            stream.await(stream.submit());
            compare(step, layer, queries, seed);
        }
        for (int slot = 0; slot < SLOTS; slot++) {
            cache.append(slot, rows[slot]);
            assertThat(cache.length(slot)).isEqualTo(history.get(slot).size());
        }
    }

    private void addSpan(
            Step step, int slot, int start, int rows, Random random, float[] queries, float[] keys, float[] values) {
        int first = step.count(RowSet.ALL) * HEAD_DIM;
        step.addSpan(slot, start, new int[rows], 0, rows, 0);
        for (int row = 0; row < rows; row++) {
            float[] kv = new float[2 * HEAD_DIM];
            for (int i = 0; i < HEAD_DIM; i++) {
                int at = first + row * HEAD_DIM + i;
                queries[at] = (float) random.nextGaussian();
                keys[at] = kv[i] = (float) random.nextGaussian();
                values[at] = kv[HEAD_DIM + i] = (float) random.nextGaussian();
            }
            history.get(slot).add(kv);
        }
    }

    private void compare(Step step, int layer, float[] queries, long seed) {
        float[] actual = new float[step.count(RowSet.ALL) * HEAD_DIM];
        memory[3].read(0, MemorySegment.ofArray(actual));
        for (int row = 0; row < step.count(RowSet.ALL); row++) {
            int position = step.rows(RowSet.ALL).position(row);
            double[] expected = attend(
                    history.get(step.rows(RowSet.ALL).slot(row)),
                    position,
                    LAYERS.get(layer).window(),
                    queries,
                    row);
            for (int i = 0; i < HEAD_DIM; i++) {
                // Averages of values of order 1 in double, rounded once to float: 2^-24 relative, with room for exp.
                assertThat((double) actual[row * HEAD_DIM + i])
                        .as("seed %d, layer %d, row %d, position %d, %s", seed, layer, row, position, step)
                        .isCloseTo(expected[i], org.assertj.core.data.Offset.offset(1e-6));
            }
        }
    }

    private static double[] attend(List<float[]> kept, int position, int window, float[] queries, int row) {
        int first = window == 0 ? 0 : Math.max(0, position - window + 1);
        double sum = 0;
        double[] out = new double[HEAD_DIM];
        for (int p = first; p <= position; p++) {
            double score = 0;
            for (int i = 0; i < HEAD_DIM; i++) {
                score += queries[row * HEAD_DIM + i] * (double) kept.get(p)[i];
            }
            double weight = Math.exp(0.5 * score);
            sum += weight;
            for (int i = 0; i < HEAD_DIM; i++) {
                out[i] += weight * kept.get(p)[HEAD_DIM + i];
            }
        }
        for (int i = 0; i < HEAD_DIM; i++) {
            out[i] /= sum;
        }
        return out;
    }
}
