package dev.jemma.kernels.gpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * Encodes one dispatch after the other: {@link #kernel}, {@link #args}, then the buffers in the order of the kernel's
 * parameters (the argument block is buffer 0, the first of these is buffer 1), then {@link #run}. What is declared as
 * read and written decides where barriers go. Everything it uses is allocated once.
 */
final class Encoder {
    private static final int MAX_BUFFERS = 30;
    private static final int MAX_FIELDS = 24;
    private static final int ALL_ROWS = -1;

    private final GpuStream stream;
    private final Step step;
    private final StepInputs inputs;
    private final Args[] blocks = new Args[MAX_FIELDS + 1];
    private final HazardTracker hazards = new HazardTracker();
    private final @Nullable DeviceBuffer[] buffers = new @Nullable DeviceBuffer[MAX_BUFFERS];
    private final long[] offsets = new long[MAX_BUFFERS];
    private int numBuffers;
    private int firstRow;
    private int rangeRows = ALL_ROWS;
    private boolean isDecode;
    private @Nullable GpuPipeline pipeline;
    private @Nullable Args args;
    private @Nullable DeviceBuffer inputBuffer;
    private @Nullable Bf16Activations listener;

    Encoder(GpuStream stream, StepLimits limits, KernelChoice choice, Arena arena) {
        this.stream = stream;
        this.step = new Step(limits.maxRows(), limits.maxOutputRows());
        this.inputs = new StepInputs(arena, limits, choice);
        for (int fields = 1; fields <= MAX_FIELDS; fields++) {
            blocks[fields] = new Args(arena, fields);
        }
    }

    void begin(Step next) {
        step.copyFrom(next);
        hazards.clear();
        overAll();
        if (listener != null) {
            listener.forget();
        }
        inputBuffer = stream.begin(inputs.fill(step));
    }

    /** Rows of a tensor that dispatches take: those of the step, or of the range given to {@link #over}. */
    int rows(Tensor tensor) {
        return rangeRows == ALL_ROWS ? step.count(tensor.rows()) : rangeRows;
    }

    /** Where the first of these rows lies in the tensor's buffer. */
    long start(Tensor tensor) {
        return tensor.rowOffset(firstRow);
    }

    /**
     * What follows takes the next rows of a row set that are all decodes or all parts of prompts.
     *
     * @param first row with which they start
     * @return the row after them, with which the next such rows start; the row count where there are no more
     */
    int overNextKind(RowSet set, int first) {
        RowTable rows = step.rows(set);
        int end = first;
        for (int span = 0; span < rows.numSpans(); span++) {
            int start = rows.spanStart(span);
            if (start == end && (start == first || rows.isDecode(span) == isDecode)) {
                isDecode = rows.isDecode(span);
                end += rows.spanLength(span);
            }
        }
        over(first, end - first);
        return end;
    }

    /** Whether the rows chosen by {@link #overNextKind} are decodes. */
    boolean isDecode() {
        return isDecode;
    }

    /** What follows takes {@code rows} rows of each tensor from {@code first} on. */
    void over(int first, int rows) {
        firstRow = first;
        rangeRows = rows;
    }

    /** What follows takes every row. */
    void overAll() {
        firstRow = 0;
        rangeRows = ALL_ROWS;
    }

    Step step() {
        return step;
    }

    StepInputs inputs() {
        return inputs;
    }

    /** The stream of the attention rows' tables for a tensor's row set. */
    StepInputs.Table table(Tensor tensor) {
        return inputs.table(tensor.rows());
    }

    Encoder kernel(Kernel kernel) {
        pipeline = kernel.pipeline();
        args = null;
        numBuffers = 0;
        return this;
    }

    /** The argument block, to be filled with {@code fields} values. */
    Args args(int fields) {
        Args block = blocks[fields].clear();
        args = block;
        return block;
    }

    /** The argument block of the dispatch being described, for more values. */
    Args currentArgs() {
        if (args == null) {
            throw new IllegalStateException("no argument block");
        }
        return args;
    }

    private void bind(DeviceBuffer buffer, long byteOffset) {
        buffers[numBuffers] = buffer;
        offsets[numBuffers] = byteOffset;
        numBuffers++;
    }

    /** An array of the step's inputs. */
    void input(long byteOffset) {
        if (inputBuffer == null) {
            throw new IllegalStateException("no step was begun");
        }
        bind(inputBuffer, byteOffset);
    }

    /** Memory that no step writes. */
    void constant(Region region) {
        bind(region.buffer(), region.byteOffset());
    }

    /** A buffer of our own that this dispatch does not touch, or that no step writes. */
    void constant(DeviceBuffer buffer) {
        bind(buffer, 0);
    }

    /** Factors of a norm, or {@code other} in their place where the kernel will not read them. */
    void factors(@Nullable VectorF32 factors, Tensor other) {
        Region at = factors == null ? other.at() : factors.at();
        bind(at.buffer(), at.byteOffset());
    }

    void weight(Weight weight) {
        switch (weight) {
            case DenseWeight dense -> constant(dense.at());
            case AffineWeight affine -> {
                constant(affine.codes());
                constant(affine.scales());
                constant(affine.biases());
            }
        }
    }

    /** For kernels whose one text serves all formats: a dense weight fills the places of scales and biases too. */
    void anyWeight(Weight weight) {
        switch (weight) {
            case DenseWeight dense -> {
                constant(dense.at());
                constant(dense.at());
                constant(dense.at());
            }
            case AffineWeight affine -> weight(affine);
        }
    }

    void reads(Tensor tensor) {
        access(tensor.at().buffer(), start(tensor), tensor.byteSpan(rows(tensor)), false);
    }

    void writes(Tensor tensor) {
        access(tensor.at().buffer(), start(tensor), tensor.byteSpan(rows(tensor)), true);
    }

    void reads(DeviceBuffer buffer, long byteOffset, long bytes) {
        access(buffer, byteOffset, bytes, false);
    }

    void writes(DeviceBuffer buffer, long byteOffset, long bytes) {
        access(buffer, byteOffset, bytes, true);
    }

    void readsCache(KvView kv) {
        access(kv.keys(), cacheBytes(kv), false);
        access(kv.values(), cacheBytes(kv), false);
    }

    void writesCache(KvView kv) {
        access(kv.keys(), cacheBytes(kv), true);
        access(kv.values(), cacheBytes(kv), true);
    }

    private static long cacheBytes(KvView kv) {
        return kv.dtype().bytes((long) kv.slots() * kv.numKvHeads() * kv.capacity() * kv.headDim());
    }

    private void access(Region region, long bytes, boolean write) {
        access(region.buffer(), region.byteOffset(), bytes, write);
    }

    private void access(DeviceBuffer buffer, long byteOffset, long bytes, boolean write) {
        bind(buffer, byteOffset);
        hazards.declare(buffer, byteOffset, byteOffset + bytes, write);
        if (write && listener != null) {
            listener.written(buffer, byteOffset, byteOffset + bytes);
        }
    }

    /** Gives the dispatch being described so many bytes of threadgroup memory, the kernel's [[threadgroup(1)]]. */
    void threadgroupMemory(int bytes) {
        stream.threadgroupMemory(1, bytes);
    }

    /** Has {@code copy} hear of every write from now on. */
    void tell(Bf16Activations copy) {
        listener = copy;
    }

    /** Starts the description of a {@link #multiply}. */
    void begin() {
        numBuffers = 0;
    }

    /** Multiplies the three matrices that were bound, see {@link GpuStream#multiply}. */
    void multiply(Product product) {
        if (hazards.start()) {
            stream.barrier();
        }
        bindBuffers();
        stream.multiply(product);
    }

    private void bindBuffers() {
        for (int i = 0; i < numBuffers; i++) {
            DeviceBuffer buffer = buffers[i];
            if (buffer == null) {
                throw new IllegalStateException("buffer " + i + " is not bound");
            }
            stream.buffer(i + 1, buffer, offsets[i]);
        }
    }

    /** Runs the kernel on a grid of threadgroups of {@code threads} threads in a row. */
    void run(int groupsX, int groupsY, int groupsZ, int threads) {
        if (pipeline == null || args == null) {
            throw new IllegalStateException("dispatch without kernel or arguments");
        }
        if (hazards.start()) {
            stream.barrier();
        }
        stream.pipeline(pipeline);
        stream.bytes(0, args.complete());
        bindBuffers();
        stream.dispatch(groupsX, groupsY, groupsZ, threads, 1, 1);
    }

    /** Runs one thread an element: {@code cols} columns of {@code rows} rows. */
    void runElements(int cols, int rows) {
        int threads = Math.min(256, roundUp(cols, 32));
        run(Math.ceilDiv(cols, threads), rows, 1, threads);
    }

    /** Threads for {@code elements} that one threadgroup goes through, four each where there are many. */
    int threadsFor(int elements) {
        if (pipeline == null) {
            throw new IllegalStateException("no kernel");
        }
        int wanted = roundUp(Math.ceilDiv(elements, 4), 32);
        return Math.max(32, Math.min(wanted, pipeline.maxThreadsPerThreadgroup() / 32 * 32));
    }

    static int roundUp(int value, int multiple) {
        return Math.ceilDiv(value, multiple) * multiple;
    }

    /** Whether four floats can be read at a time from every row. */
    static boolean aligned(Tensor tensor) {
        return tensor.at().byteOffset() % 16 == 0 && tensor.rowStride() % 4 == 0 && tensor.dtype() == DType.F32;
    }
}
