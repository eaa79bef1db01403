package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DeviceBuffer;
import java.lang.foreign.MemorySegment;

/**
 * Encodes steps for one device and runs them in order. Within a step, dispatches between two barriers may run at the
 * same time; {@link #barrier} orders what comes before it against what comes after. The state set by {@link #pipeline},
 * {@link #buffer} and {@link #bytes} belongs to the next dispatch; every dispatch sets all that its kernel reads.
 * After the first step of a kind, no call here allocates on the Java heap.
 */
public interface GpuStream extends AutoCloseable {
    /**
     * Starts a step whose kernels read {@code inputs} (ids, positions, slots). The bytes are taken before this returns;
     * steps in flight keep theirs.
     *
     * @return the buffer that holds the inputs for this step's kernels
     */
    DeviceBuffer begin(MemorySegment inputs);

    void pipeline(GpuPipeline pipeline);

    void buffer(int index, DeviceBuffer buffer, long byteOffset);

    /** A small argument block (at most 4 KiB), copied before this returns. */
    void bytes(int index, MemorySegment block);

    /** Bytes of the threadgroup memory argument at {@code index}; a multiple of 16. */
    void threadgroupMemory(int index, int byteSize);

    /** Runs the kernel on a grid of threadgroups. */
    void dispatch(int groupsX, int groupsY, int groupsZ, int threadsX, int threadsY, int threadsZ);

    /**
     * A product by the vendor's own kernels, if the driver's limits say that it has them: buffer 1 is {@code x} (BF16,
     * dense), buffer 2 {@code w} (BF16, dense), buffer 3 {@code out} (F32).
     */
    default void multiply(Product product) {
        throw new UnsupportedOperationException("no matrix multiplication of the vendor's");
    }

    void barrier();

    /** @return a ticket that rises by one with each step */
    long submit();

    /** Drops the step that was begun. */
    void abandon();

    void await(long ticket);

    /** Device time of the newest awaited step, in nanoseconds. */
    long deviceNanos();

    @Override
    void close();
}
