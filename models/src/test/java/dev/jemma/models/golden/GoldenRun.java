package dev.jemma.models.golden;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.Tensor;
import dev.jemma.kvcache.KvCache;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.gemma.GemmaForward;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** One model on one backend, fed by hand: the smallest thing that can prefill and decode. */
final class GoldenRun implements AutoCloseable {
    /**
     * @param chunk most prompt rows in a step
     * @param busySlots whether three other sequences decode and prefill beside the one under test
     */
    record Setup(String backend, DType kvType, int chunk, boolean busySlots) {}

    private static final int CONTEXT = 512;
    private static final int BUSY_ROWS = 3;

    private final Setup setup;
    private final Device device;
    private final GemmaModel model;
    private final KvCache cache;
    private final GemmaForward forward;
    private final CommandStream stream;
    private final Step step;
    private final int slots;
    private final int slot;
    private final Random random = new Random(20261121);

    GoldenRun(Path folder, Setup setup) {
        this.setup = setup;
        slots = setup.busySlots() ? 4 : 1;
        slot = setup.busySlots() ? 2 : 0;
        device = Backends.open(setup.backend(), DeviceOptions.DEFAULT).device();
        model = GemmaModel.load(folder, device);
        int maxChunk = Math.max(setup.chunk(), BUSY_ROWS);
        int maxRows = setup.chunk() + (slots - 1) * BUSY_ROWS;
        cache = KvCache.allocate(
                device, GemmaForward.cacheSpec(model.config(), slots, CONTEXT, maxChunk, setup.kvType()));
        forward = new GemmaForward(model.config(), model.weights(), device, cache, maxRows, setup.chunk());
        stream = device.openStream(forward.limits());
        step = new Step(maxRows, setup.chunk());
    }

    int vocabSize() {
        return model.config().vocabSize();
    }

    int numLayers() {
        return model.config().numLayers();
    }

    /** Whether rows are routed to experts. */
    boolean routes() {
        return model.config().experts() != null;
    }

    /** Logits of every prompt token, {@code [tokens, vocab]}. */
    float[] allLogits(int[] ids) {
        cache.clear(slot);
        float[] logits = new float[ids.length * vocabSize()];
        for (int from = 0; from < ids.length; from += setup.chunk()) {
            int to = Math.min(ids.length, from + setup.chunk());
            float[] rows = run(ids, from, to, to - from);
            System.arraycopy(rows, 0, logits, from * vocabSize(), rows.length);
        }
        return logits;
    }

    /** Prefills with logits for the last token only, as a generator does. */
    float[] lastLogits(int[] ids) {
        cache.clear(slot);
        float[] logits = new float[0];
        for (int from = 0; from < ids.length; from += setup.chunk()) {
            int to = Math.min(ids.length, from + setup.chunk());
            logits = run(ids, from, to, to == ids.length ? 1 : 0);
        }
        return logits;
    }

    /**
     * The first {@code count} ids of the greedy continuation.
     *
     * @param logits of the last token so far
     */
    int[] greedy(float[] logits, int count) {
        int[] generated = new int[count];
        float[] next = logits;
        for (int i = 0; i < count; i++) {
            generated[i] = argmax(next);
            if (i + 1 < count) {
                next = run(new int[] {generated[i]}, 0, 1, 1);
            }
        }
        return generated;
    }

    static int argmax(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    private float[] run(int[] ids, int from, int to, int outputs) {
        fill(ids, from, to, outputs);
        forward.encode(stream.begin(step), step);
        stream.await(stream.submit());
        append(to - from);
        float[] logits = new float[outputs * vocabSize()];
        if (outputs > 0) {
            forward.logits().at().buffer().read(0, MemorySegment.ofArray(logits));
        }
        return logits;
    }

    private void fill(int[] ids, int from, int to, int outputs) {
        step.clear();
        for (int s = 0; s < slots; s++) {
            if (s == slot) {
                step.addSpan(slot, cache.length(slot), ids, from, to, outputs);
            } else {
                busySpan(s);
            }
        }
    }

    private void busySpan(int busy) {
        int rows = 1 + random.nextInt(BUSY_ROWS);
        if (cache.room(busy) < rows) {
            cache.clear(busy);
        }
        int[] ids = random.ints(rows, 0, vocabSize()).toArray();
        step.addSpan(busy, cache.length(busy), ids, 0, rows, 0);
    }

    private void append(int rows) {
        var table = step.rows(RowSet.ALL);
        for (int span = 0; span < table.numSpans(); span++) {
            int spanSlot = table.slot(table.spanStart(span));
            cache.append(spanSlot, spanSlot == slot ? rows : table.spanLength(span));
        }
    }

    /** The stream at every depth for every prompt token, which must fit into one chunk. */
    List<float[]> hidden(int[] ids, int hiddenSize) {
        List<DeviceBuffer> taps = new ArrayList<>();
        for (int depth = 0; depth <= numLayers(); depth++) {
            taps.add(device.allocate((long) ids.length * hiddenSize * Float.BYTES, "tap " + depth));
        }
        cache.clear(slot);
        fill(ids, 0, ids.length, ids.length);
        Commands commands = stream.begin(step);
        forward.encode(commands, step, (c, depth, x) -> c.copy(Tensor.f32(taps.get(depth), x.rows(), hiddenSize), x));
        stream.await(stream.submit());
        List<float[]> hidden = new ArrayList<>();
        for (DeviceBuffer tap : taps) {
            float[] values = new float[ids.length * hiddenSize];
            tap.read(0, MemorySegment.ofArray(values));
            hidden.add(values);
            tap.close();
        }
        return hidden;
    }

    int hiddenSize() {
        return model.config().hiddenSize();
    }

    @Override
    public void close() {
        stream.close();
        forward.close();
        cache.close();
        model.close();
        device.close();
    }
}
