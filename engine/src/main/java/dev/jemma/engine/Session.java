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
import org.jspecify.annotations.Nullable;

/**
 * Everything that running a model needs besides its weights: cache, activations and a command stream, all allocated
 * here. It runs one step at a time and remembers which tokens each slot's cache holds. Belongs to one thread at a time.
 */
public final class Session implements AutoCloseable {
    private final SessionOptions options;
    private final Deque<AutoCloseable> owned = new ArrayDeque<>();
    private final List<TokenIds> held = new ArrayList<>();

    /** How many of a slot's tokens were read as parts of prompts, before the first that was generated. */
    private final int[] heldOfPrompt;

    private final List<KvCache.Fork> forks = new ArrayList<>();
    private final Step step;
    private final int[] sampled;
    private final float[] logits;
    private final int[] candidateIds;
    private final float[] candidateLogits;
    private final Candidates candidates;
    private KvCache cache;
    private GemmaForward forward;
    private CommandStream stream;
    private Tensor candidateIdTensor;
    private Tensor candidateLogitTensor;
    private Region suppressed;
    private final boolean runsAhead;
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
        this.heldOfPrompt = new int[options.slots()];
        this.logits = new float[config.vocabSize()];
        int candidateCount = Math.min(StepResult.MAX_CANDIDATES + 1, config.vocabSize());
        this.candidateIds = new int[candidateCount];
        this.candidateLogits = new float[candidateCount];
        this.runsAhead = device.isAsynchronous();
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
                        config, options.slots(), options.contextSize(), options.ringSlack(), options.kvType())));
        forward = own(new GemmaForward(config, weights, device, cache, options.maxRows(), options.slots()));
        DeviceBuffer ids = own(device.allocate(DType.I32.bytes(Math.max(1, suppressedCount)), "suppressed ids"));
        ids.write(0, MemorySegment.ofArray(suppressedIds));
        int most = options.slots() * candidateIds.length;
        DeviceBuffer bestIds = own(device.allocate(DType.I32.bytes(most), "candidate ids"));
        DeviceBuffer bestLogits = own(device.allocate(DType.F32.bytes(most), "candidate logits"));
        candidateIdTensor = Tensor.i32(bestIds, RowSet.OUTPUT, candidateIds.length);
        candidateLogitTensor = Tensor.f32(bestLogits, RowSet.OUTPUT, candidateIds.length);
        suppressed = new Region(ids, 0);
        stream = own(device.openStream(forward.limits(), options.kernels()));
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

    /**
     * Tokens of {@code prompt} that a slot's cache would save computing; its last token must always be computed. Keys and
     * values of decodes may have other last bits than those of prompts, so where texts must not depend on what was in
     * their slot, decodes do not count.
     */
    int reusable(int slot, TokenIds prompt) {
        int usable = switch (options.kernels()) {
            case FASTEST -> held.get(slot).size();
            case BATCH_INVARIANT -> heldOfPrompt[slot];
        };
        int common = Math.min(Math.min(held.get(slot).commonPrefix(prompt), usable), prompt.size() - 1);
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
        heldOfPrompt[slot] = Math.min(heldOfPrompt[slot], length);
    }

    /** Makes a slot a copy of another's first {@code length} tokens, with the next step. */
    void fork(int fromSlot, int toSlot, int length) {
        forks.add(cache.fork(fromSlot, toSlot));
        held.set(toSlot, TokenIds.of(held.get(fromSlot).toArray()));
        heldOfPrompt[toSlot] = heldOfPrompt[fromSlot];
        rewind(toSlot, length);
    }

    /** Starts the next step; add spans with {@link #add} and {@link #run} it. */
    void begin() {
        step.clear();
    }

    /** Adds {@code tokens[from, to)} at the end of a slot's sequence; {@code wantsLogits} for the last of them. */
    void add(int slot, int[] tokens, int from, int to, boolean wantsLogits) {
        step.addSpan(slot, cache.length(slot), tokens, from, to, wantsLogits ? 1 : 0);
        if (heldOfPrompt[slot] == cache.length(slot)) {
            heldOfPrompt[slot] += to - from;
        }
        cache.append(slot, to - from);
        for (int i = from; i < to; i++) {
            held.get(slot).add(tokens[i]);
        }
    }

    /** Adds a token that was generated, and wants its logits. */
    void addDecode(int slot, int token) {
        step.addDecode(slot, cache.length(slot), token);
        cache.append(slot, 1);
        held.get(slot).add(token);
    }

    /** Adds the token that output row {@code row} of the step submitted last chooses; {@link #settle} follows. */
    void addInFlight(int slot, int row) {
        addDecode(slot, -1 - row);
    }

    /** Says which token {@link #addInFlight} added. */
    void settle(int slot, int id) {
        held.get(slot).replaceLast(id);
    }

    /** Whether a step may be submitted while the one before it still runs, to any use. */
    boolean runsAhead() {
        return runsAhead;
    }

    /** Runs the step to its end. */
    void run() {
        await(submit(StepResult.ARGMAX));
    }

    /** A step that the device has. */
    record Submitted(long ticket, @Nullable Tensor sampled) {}

    /** Gives the step to the device, which computes {@code result} besides the argmax. */
    Submitted submit(StepResult result) {
        Commands commands = stream.begin(step);
        boolean hasOutputs = step.count(RowSet.OUTPUT) > 0;
        try {
            forks.forEach(fork -> fork.encode(commands));
            forks.clear();
            forward.encode(commands, step);
            if (hasOutputs) {
                encodeResults(commands, result);
            }
            return new Submitted(stream.submit(), hasOutputs ? forward.sampled() : null);
        } catch (RuntimeException failure) {
            stream.abandon();
            throw failure;
        }
    }

    private void encodeResults(Commands commands, StepResult result) {
        if (suppressedCount > 0) {
            commands.suppress(forward.logits(), suppressed, suppressedCount);
        }
        commands.argmax(forward.sampled(), forward.logits());
        if (result == StepResult.CANDIDATES) {
            commands.topK(candidateIdTensor, candidateLogitTensor, forward.logits());
        }
    }

    /** Waits for a step. Its argmax can be read until the next is awaited, the rest until the next is submitted. */
    void await(Submitted submitted) {
        stream.await(submitted.ticket());
        if (submitted.sampled() != null) {
            read(submitted.sampled(), 0, MemorySegment.ofArray(sampled));
        }
    }

    /** The likeliest token after the {@code row}-th sequence that wanted logits. */
    int argmax(int row) {
        return sampled[row];
    }

    /** Reads the likeliest tokens of the {@code row}-th sequence and their logits, in falling order. */
    void readCandidates(int row) {
        read(candidateIdTensor, row, MemorySegment.ofArray(candidateIds));
        read(candidateLogitTensor, row, MemorySegment.ofArray(candidateLogits));
    }

    int[] candidateIds() {
        return candidateIds;
    }

    float[] candidateLogits() {
        return candidateLogits;
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
