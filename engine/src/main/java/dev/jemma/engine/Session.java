package dev.jemma.engine;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.Tensor;
import dev.jemma.kvcache.KvCache;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.gemma.GemmaForward;
import dev.jemma.models.gemma.GemmaWeights;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Everything that running a model needs besides its weights: cache, activations and a command stream, all allocated
 * here. It runs one step at a time and remembers which tokens each slot's cache holds. Belongs to one thread at a time.
 */
public final class Session implements AutoCloseable {
    private final SessionOptions options;
    private final Deque<AutoCloseable> owned = new ArrayDeque<>();
    private final List<TokenIds> held = new ArrayList<>();
    private final Step step;
    private final int[] sampled;
    private final float[] logits;
    private final Candidates candidates;
    private KvCache cache;
    private GemmaForward forward;
    private CommandStream stream;
    private Region suppressed;
    private final int suppressedCount;

    /**
     * Takes the memory of a session.
     *
     * @param suppressedIds tokens that are never chosen
     * @throws dev.jemma.kernels.DeviceException.OutOfMemory if it does not fit
     */
    @SuppressWarnings("NullAway.Init")
    public Session(
            GemmaConfig config, GemmaWeights weights, Device device, SessionOptions options, int... suppressedIds) {
        this.options = options;
        this.step = new Step(options.maxRows(), options.slots());
        this.sampled = new int[options.slots()];
        this.logits = new float[config.vocabSize()];
        this.candidates = new Candidates(config.vocabSize());
        this.suppressedCount = suppressedIds.length;
        for (int slot = 0; slot < options.slots(); slot++) {
            held.add(TokenIds.of());
        }
        try {
            allocate(config, weights, device, suppressedIds);
        } catch (RuntimeException failure) {
            close();
            throw failure;
        }
    }

    private void allocate(GemmaConfig config, GemmaWeights weights, Device device, int[] suppressedIds) {
        cache = own(KvCache.allocate(
                device,
                GemmaForward.cacheSpec(
                        config, options.slots(), options.contextSize(), options.prefillChunk(), options.kvType())));
        forward = own(new GemmaForward(config, weights, device, cache, options.maxRows(), options.slots()));
        DeviceBuffer ids = own(device.allocate(DType.I32.bytes(Math.max(1, suppressedCount)), "suppressed ids"));
        ids.write(0, MemorySegment.ofArray(suppressedIds));
        suppressed = new Region(ids, 0);
        stream = own(device.openStream(forward.limits()));
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.push(resource);
        return resource;
    }

    public SessionOptions options() {
        return options;
    }

    /** Memory of the keys and values, in bytes. */
    public long cacheBytes() {
        return cache.spec().byteSize();
    }

    /** Scratch memory for the samplers of this session's sequences. */
    Candidates candidates() {
        return candidates;
    }

    /** Positions that a slot can still take. */
    int room(int slot) {
        return cache.room(slot);
    }

    /** Tokens of {@code prompt} that a slot's cache would save computing; its last token must always be computed. */
    int reusable(int slot, TokenIds prompt) {
        int common = Math.min(held.get(slot).commonPrefix(prompt), prompt.size() - 1);
        return cache.canTruncate(slot, common) ? common : 0;
    }

    /** Rewinds a slot to the first {@code length} tokens it holds. */
    void rewind(int slot, int length) {
        if (length == 0) {
            cache.clear(slot);
        } else {
            cache.truncate(slot, length);
        }
        held.get(slot).truncate(length);
    }

    /** Starts the next step; add spans with {@link #add} and {@link #run} it. */
    void begin() {
        step.clear();
    }

    /** Adds {@code tokens[from, to)} at the end of a slot's sequence; {@code wantsLogits} for the last of them. */
    void add(int slot, int[] tokens, int from, int to, boolean wantsLogits) {
        step.addSpan(slot, cache.length(slot), tokens, from, to, wantsLogits ? 1 : 0);
        cache.append(slot, to - from);
        for (int i = from; i < to; i++) {
            held.get(slot).add(tokens[i]);
        }
    }

    /** Runs the step to its end. */
    void run() {
        Commands commands = stream.begin(step);
        boolean hasOutputs = step.count(RowSet.OUTPUT) > 0;
        long ticket;
        try {
            forward.encode(commands, step);
            if (hasOutputs) {
                if (suppressedCount > 0) {
                    commands.suppress(forward.logits(), suppressed, suppressedCount);
                }
                commands.argmax(forward.sampled(), forward.logits());
            }
            ticket = stream.submit();
        } catch (RuntimeException failure) {
            stream.abandon();
            throw failure;
        }
        stream.await(ticket);
        if (hasOutputs) {
            read(forward.sampled(), 0, MemorySegment.ofArray(sampled));
        }
    }

    /** The likeliest token after the {@code row}-th sequence that wanted logits. */
    int argmax(int row) {
        return sampled[row];
    }

    /** Logits of the {@code row}-th sequence that wanted them, valid until the next call. */
    float[] logits(int row) {
        read(forward.logits(), row, MemorySegment.ofArray(logits));
        return logits;
    }

    private static void read(Tensor tensor, int row, MemorySegment target) {
        tensor.at().buffer().read(tensor.rowOffset(row), target);
    }

    @Override
    public void close() {
        while (!owned.isEmpty()) {
            switch (owned.pop()) {
                case CommandStream openStream -> openStream.close();
                case GemmaForward openForward -> openForward.close();
                case DeviceBuffer buffer -> buffer.close();
                case KvCache openCache -> openCache.close();
                case AutoCloseable other -> throw new AssertionError(other);
            }
        }
    }
}
