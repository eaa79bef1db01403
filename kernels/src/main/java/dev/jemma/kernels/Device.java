package dev.jemma.kernels;

import java.lang.foreign.MemorySegment;

/** One place where kernels run. Thread-safe for allocation; each stream belongs to one thread at a time. */
public interface Device extends AutoCloseable {
    /** Backend name as users type it: {@code cpu}. */
    String backend();

    /** What the hardware calls itself, with the facts that bear on speed: {@code 2 threads, 512-bit vectors}. */
    String description();

    DeviceMemory memory();

    /**
     * Allocates zeroed memory.
     *
     * @throws DeviceException if it does not fit
     */
    DeviceBuffer allocate(long byteSize, String label);

    /**
     * Makes read-only host bytes (weights in a mapped file) readable by kernels: in place where the device can, else
     * as a copy. {@code bytes} must stay valid until the returned region's buffer is closed.
     */
    Region adopt(MemorySegment bytes, String label);

    /** Whether submitted steps run while the host goes on; if not, a step has run when it has been submitted. */
    boolean isAsynchronous();

    /**
     * By how much of themselves the operands of projections and experts may be rounded before they are
     * multiplied: 2^-9 where tensor cores take them in BF16, 2^-15 where they become whole numbers of 16 bits, 0 where
     * products are those of F32.
     */
    default double operandRounding() {
        return 0;
    }

    /** Opens a command stream whose steps stay within {@code limits}; takes all its memory now. */
    CommandStream openStream(StepLimits limits, KernelChoice choice);

    /** The same with the fastest kernels. */
    default CommandStream openStream(StepLimits limits) {
        return openStream(limits, KernelChoice.FASTEST);
    }

    /** Releases the device. Buffers and streams must have been closed. */
    @Override
    void close();
}
