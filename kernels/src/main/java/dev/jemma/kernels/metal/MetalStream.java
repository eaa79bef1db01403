package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.gpu.GpuPipeline;
import dev.jemma.kernels.gpu.GpuStream;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One command queue. Every argument is checked when it is given, because Metal ends the process where it finds a wrong
 * one; {@link #submit} then encodes the step into one command buffer with one concurrent encoder.
 */
final class MetalStream implements GpuStream {
    /** Steps that may be in flight before {@link #begin} waits: one that runs, one queued behind it, and slack. */
    static final int DEPTH = 4;

    /** MTLDispatchTypeConcurrent. */
    private static final long CONCURRENT = 1;

    /** MTLCommandBufferStatusCompleted. */
    private static final long COMPLETED = 4;

    private static final int MAX_BYTES = 4096;
    private static final int MIN_INPUT_BYTES = 4096;

    private final MetalDriver driver;
    private final long queue;

    /**
     * Orders a step after the one before it: command buffers of one queue start in order but may overlap, and the
     * buffers are outside Metal's hazard tracking.
     */
    private final long fence;

    private final CommandTape tape;
    private final DispatchCheck pending;
    private final @Nullable MetalBuffer[] inputs = new @Nullable MetalBuffer[DEPTH];
    private final long[] commandBuffers = new long[DEPTH];
    private long submitted;
    private long completed;
    private long nanos;
    private boolean encoding;
    private boolean closed;
    private @Nullable String failure;

    /** @param strict see {@link CommandTape} */
    MetalStream(MetalDriver driver, long queue, long fence, boolean strict) {
        this.driver = driver;
        this.queue = queue;
        this.fence = fence;
        tape = new CommandTape(strict);
        pending = new DispatchCheck(driver.limits().maxThreadgroupMemory());
    }

    @Override
    public DeviceBuffer begin(MemorySegment bytes) {
        requireOpen(false);
        if (bytes.byteSize() == 0) {
            throw new IllegalArgumentException("step inputs: expected bytes, got none");
        }
        while (submitted - completed >= DEPTH) {
            finishOldest();
        }
        MetalBuffer input = input((int) ((submitted + 1) % DEPTH), bytes.byteSize());
        input.write(0, bytes);
        tape.clear();
        pending.clear();
        encoding = true;
        return input;
    }

    /** The inputs of the step that last used this place have been read: that step has ended. */
    private MetalBuffer input(int place, long byteSize) {
        MetalBuffer input = inputs[place];
        if (input == null || input.byteSize() < byteSize) {
            if (input != null) {
                input.close();
            }
            long size = Math.max(MIN_INPUT_BYTES, Long.highestOneBit(byteSize - 1) << 1);
            input = driver.buffers().allocate(size, "step inputs");
            inputs[place] = input;
        }
        return input;
    }

    @Override
    public void pipeline(GpuPipeline pipeline) {
        requireOpen(true);
        MetalPipeline metal = (MetalPipeline) pipeline;
        pending.pipeline(metal);
        tape.pipeline(metal.reference());
    }

    @Override
    public void buffer(int index, DeviceBuffer buffer, long byteOffset) {
        requireOpen(true);
        DispatchCheck.slot(index);
        if (byteOffset < 0 || byteOffset >= buffer.byteSize()) {
            throw new IllegalArgumentException(
                    buffer.label() + ": offset " + byteOffset + " lies outside its " + buffer.byteSize() + " bytes");
        }
        tape.buffer(index, ((MetalBuffer) buffer).reference(), byteOffset);
    }

    @Override
    public void bytes(int index, MemorySegment block) {
        requireOpen(true);
        DispatchCheck.slot(index);
        if (block.byteSize() == 0 || block.byteSize() > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "argument block " + index + ": expected 1 to " + MAX_BYTES + " bytes, got " + block.byteSize());
        }
        tape.bytes(index, block);
    }

    @Override
    public void threadgroupMemory(int index, int byteSize) {
        requireOpen(true);
        DispatchCheck.slot(index);
        pending.threadgroupMemory(index, byteSize);
        tape.threadgroupMemory(index, byteSize);
    }

    @Override
    public void dispatch(int groupsX, int groupsY, int groupsZ, int threadsX, int threadsY, int threadsZ) {
        requireOpen(true);
        pending.dispatch(groupsX, groupsY, groupsZ, threadsX, threadsY, threadsZ);
        tape.dispatch(groupsX, groupsY, groupsZ, threadsX, threadsY, threadsZ);
    }

    @Override
    public void barrier() {
        requireOpen(true);
        tape.barrier();
    }

    @Override
    public long submit() {
        requireOpen(true);
        encoding = false;
        driver.residency().commit();
        long pool = ObjC.pushPool();
        try {
            long commandBuffer = Send.get(queue, Messages.COMMAND_BUFFER);
            if (commandBuffer == 0) {
                throw new DeviceException.Failed("metal: the queue made no command buffer");
            }
            long encoder = Send.get(commandBuffer, Messages.COMPUTE_ENCODER, CONCURRENT);
            try {
                if (submitted > 0) {
                    Send.send(encoder, Messages.WAIT_FOR_FENCE, fence);
                }
                tape.encode(encoder);
                Send.send(encoder, Messages.UPDATE_FENCE, fence);
            } finally {
                Send.send(encoder, Messages.END_ENCODING);
            }
            Send.send(commandBuffer, Messages.COMMIT);
            commandBuffers[(int) ((submitted + 1) % DEPTH)] = Send.get(commandBuffer, Messages.RETAIN);
            submitted++;
            return submitted;
        } finally {
            ObjC.popPool(pool);
        }
    }

    @Override
    public void abandon() {
        encoding = false;
        tape.clear();
    }

    @Override
    public void await(long ticket) {
        if (ticket < 0 || ticket > submitted) {
            throw new IllegalArgumentException("step " + ticket + ": the newest submitted step is " + submitted);
        }
        while (completed < ticket) {
            finishOldest();
        }
        requireUnfailed();
    }

    private void finishOldest() {
        long ticket = completed + 1;
        int place = (int) (ticket % DEPTH);
        long commandBuffer = commandBuffers[place];
        Send.send(commandBuffer, Messages.WAIT);
        completed = ticket;
        commandBuffers[place] = 0;
        long status = Send.get(commandBuffer, Messages.STATUS);
        if (status != COMPLETED && failure == null) {
            failure = "metal: step " + ticket + " failed: " + reason(commandBuffer);
        }
        double seconds =
                Send.seconds(commandBuffer, Messages.GPU_END) - Send.seconds(commandBuffer, Messages.GPU_START);
        nanos = Math.round(seconds * 1e9);
        ObjC.release(commandBuffer);
        requireUnfailed();
    }

    private static String reason(long commandBuffer) {
        long pool = ObjC.pushPool();
        try {
            return ObjC.describe(Send.get(commandBuffer, Messages.ERROR));
        } finally {
            ObjC.popPool(pool);
        }
    }

    /** After one failure the device's memory is not to be trusted: every later wait fails too. */
    private void requireUnfailed() {
        if (failure != null) {
            throw new DeviceException.Failed(failure);
        }
    }

    private void requireOpen(boolean inStep) {
        if (closed || encoding != inStep) {
            String state = closed ? "closed" : encoding ? "inside a step" : "outside a step";
            throw new IllegalStateException("stream is " + state);
        }
    }

    @Override
    public long deviceNanos() {
        return nanos;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            boolean known = failure != null;
            while (completed < submitted) {
                try {
                    finishOldest();
                } catch (DeviceException.Failed failed) {
                    if (!known && completed == submitted) {
                        throw failed;
                    }
                }
            }
        } finally {
            for (MetalBuffer input : inputs) {
                if (input != null) {
                    input.close();
                }
            }
            tape.close();
            driver.closed(this);
            ObjC.release(fence);
            ObjC.release(queue);
        }
    }
}
