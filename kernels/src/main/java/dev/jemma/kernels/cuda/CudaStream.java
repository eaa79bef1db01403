package dev.jemma.kernels.cuda;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.gpu.GpuPipeline;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.gpu.Product;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Collects a step's dispatches and runs them in stream order at {@link #submit}; barriers are implied by that order.
 * Inputs travel through pinned memory, one slot for each step in flight.
 */
final class CudaStream implements GpuStream {
    /** Steps that may be under way at once. */
    private static final int IN_FLIGHT = 4;

    private static final int MAX_ARGUMENTS = 32;

    /** Three addresses, four sizes and two flags of a multiplication. */
    private static final int MULTIPLY_BYTES = 48;

    private static final int MAX_BLOCK_BYTES = 4096;

    private final CudaContext context;
    private final long stream;
    private final @Nullable SymbolLookup matrices;
    private final CudaGraphs graphs;
    private final DispatchList step = new DispatchList();
    private final Arena arena = Arena.ofShared();
    private final long[] startEvents = new long[IN_FLIGHT];
    private final long[] endEvents = new long[IN_FLIGHT];
    private final long[] addresses = new long[MAX_ARGUMENTS];
    private final int[] sizes = new int[MAX_ARGUMENTS];
    private final MemorySegment blocks = arena.allocate((long) MAX_ARGUMENTS * MAX_BLOCK_BYTES, 16);
    private final int[] grid = new int[6];
    private @Nullable CublasLt cublas;
    private @Nullable MemorySegment pinned;
    private @Nullable CudaBuffer inputs;
    private @Nullable CudaPipeline pipeline;
    private long submitted;
    private long awaited;
    private long deviceNanos;

    /** @param matrices cuBLASLt, or null where it is not installed */
    CudaStream(CudaContext context, @Nullable SymbolLookup matrices, boolean useGraphs) {
        this.context = context;
        this.matrices = matrices;
        CudaApi api = context.api();
        this.stream = api.createStream();
        this.graphs = new CudaGraphs(context, stream, useGraphs, this::multiply);
        for (int i = 0; i < IN_FLIGHT; i++) {
            startEvents[i] = api.createEvent();
            endEvents[i] = api.createEvent();
        }
    }

    @Override
    public DeviceBuffer begin(MemorySegment bytes) {
        // The slot's last step must have read its inputs, and its events must not be needed any more.
        await(submitted + 1 - IN_FLIGHT);
        CudaBuffer buffer = inputBuffer(bytes.byteSize());
        int slot = slot(submitted + 1);
        MemorySegment pinnedSlot = pinnedSlot(slot, buffer.byteSize());
        MemorySegment.copy(bytes, 0, pinnedSlot, 0, bytes.byteSize());
        CudaApi api = context.api();
        api.record(startEvents[slot], stream);
        api.copyToDeviceAsync(buffer.address(), pinnedSlot, bytes.byteSize(), stream);
        step.clear();
        return buffer;
    }

    private static int slot(long ticket) {
        return (int) (ticket % IN_FLIGHT);
    }

    private CudaBuffer inputBuffer(long bytes) {
        CudaBuffer current = inputs;
        if (current != null && current.byteSize() >= bytes) {
            return current;
        }
        await(submitted);
        releaseInputs();
        CudaBuffer larger = context.allocate(Long.highestOneBit(Math.max(4096, bytes) * 2 - 1), "step inputs");
        pinned = context.api().allocatePinned(larger.byteSize() * IN_FLIGHT);
        inputs = larger;
        return larger;
    }

    private MemorySegment pinnedSlot(int slot, long bytes) {
        if (pinned == null) {
            throw new IllegalStateException("no step inputs");
        }
        return pinned.asSlice(slot * bytes, bytes);
    }

    private void releaseInputs() {
        if (pinned != null) {
            context.api().freePinned(pinned);
            pinned = null;
        }
        if (inputs != null) {
            inputs.close();
            inputs = null;
        }
    }

    @Override
    public void pipeline(GpuPipeline next) {
        pipeline = (CudaPipeline) next;
    }

    @Override
    public void buffer(int index, DeviceBuffer buffer, long byteOffset) {
        addresses[index] = ((CudaBuffer) buffer).address() + byteOffset;
    }

    @Override
    public void bytes(int index, MemorySegment block) {
        MemorySegment.copy(block, 0, blocks, (long) index * MAX_BLOCK_BYTES, block.byteSize());
        sizes[index] = (int) block.byteSize();
    }

    @Override
    public void threadgroupMemory(int index, int byteSize) {
        sizes[index] = byteSize;
    }

    @Override
    public void dispatch(int groupsX, int groupsY, int groupsZ, int threadsX, int threadsY, int threadsZ) {
        if (pipeline == null) {
            throw new IllegalStateException("dispatch without a pipeline");
        }
        int sharedBytes = 0;
        int parameters = 0;
        for (int i = 0; i < pipeline.parameters().size(); i++) {
            switch (pipeline.parameters().get(i)) {
                case KernelParameter.Buffer p -> {
                    long at = step.addValue(Long.BYTES);
                    step.values().set(ValueLayout.JAVA_LONG, at, addresses[p.index()]);
                    parameters++;
                }
                case KernelParameter.Block p -> {
                    long at = step.addValue(sizes[p.index()]);
                    MemorySegment.copy(blocks, (long) p.index() * MAX_BLOCK_BYTES, step.values(), at, sizes[p.index()]);
                    parameters++;
                }
                case KernelParameter.Threadgroup p -> {
                    long at = step.addValue(Integer.BYTES);
                    step.values().set(ValueLayout.JAVA_INT, at, sharedBytes);
                    sharedBytes += sizes[p.index()];
                    parameters++;
                }
                case KernelParameter.BuiltIn _ -> {}
            }
        }
        grid[0] = groupsX;
        grid[1] = groupsY;
        grid[2] = groupsZ;
        grid[3] = threadsX;
        grid[4] = threadsY;
        grid[5] = threadsZ;
        step.end(pipeline.handle(), grid, sharedBytes, parameters);
    }

    @Override
    public void multiply(Product product) {
        long at = step.addValue(MULTIPLY_BYTES);
        MemorySegment values = step.values();
        for (int i = 0; i < 3; i++) {
            values.set(ValueLayout.JAVA_LONG, at + 8L * i, addresses[i + 1]);
        }
        values.set(ValueLayout.JAVA_INT, at + 24, product.rows());
        values.set(ValueLayout.JAVA_INT, at + 28, product.outs());
        values.set(ValueLayout.JAVA_INT, at + 32, product.cols());
        values.set(ValueLayout.JAVA_INT, at + 36, product.outStride());
        values.set(ValueLayout.JAVA_INT, at + 40, product.accumulates() ? 1 : 0);
        values.set(ValueLayout.JAVA_INT, at + 44, product.rowInvariant() ? 1 : 0);
        step.endMultiply();
    }

    /** Runs what {@link #multiply(Product)} has recorded. */
    private void multiply(MemorySegment values, long at) {
        CublasLt library = cublas;
        if (library == null) {
            if (matrices == null) {
                throw new IllegalStateException("no cuBLASLt");
            }
            library = new CublasLt(matrices, context);
            cublas = library;
        }
        library.multiply(
                new Product(
                        values.get(ValueLayout.JAVA_INT, at + 24),
                        values.get(ValueLayout.JAVA_INT, at + 28),
                        values.get(ValueLayout.JAVA_INT, at + 32),
                        values.get(ValueLayout.JAVA_INT, at + 36),
                        values.get(ValueLayout.JAVA_INT, at + 40) != 0,
                        values.get(ValueLayout.JAVA_INT, at + 44) != 0),
                values.get(ValueLayout.JAVA_LONG, at + 8),
                values.get(ValueLayout.JAVA_LONG, at),
                values.get(ValueLayout.JAVA_LONG, at + 16),
                stream);
    }

    @Override
    public void barrier() {}

    @Override
    public long submit() {
        graphs.run(step);
        submitted++;
        context.api().record(endEvents[slot(submitted)], stream);
        return submitted;
    }

    @Override
    public void abandon() {
        step.clear();
    }

    @Override
    public void await(long ticket) {
        if (ticket <= awaited) {
            return;
        }
        CudaApi api = context.api();
        int slot = slot(ticket);
        api.await(endEvents[slot]);
        awaited = ticket;
        deviceNanos = api.elapsedNanos(startEvents[slot], endEvents[slot]);
    }

    @Override
    public long deviceNanos() {
        return deviceNanos;
    }

    @Override
    public void close() {
        CudaApi api = context.api();
        api.synchronize(stream);
        graphs.close();
        if (cublas != null) {
            cublas.close();
        }
        releaseInputs();
        for (int i = 0; i < IN_FLIGHT; i++) {
            api.destroyEvent(startEvents[i]);
            api.destroyEvent(endEvents[i]);
        }
        api.destroyStream(stream);
        arena.close();
    }
}
