package dev.jemma.kernels.host;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** Device memory that is host memory. */
public final class HostBuffer implements DeviceBuffer {
    private final MemorySegment segment;
    private final String label;
    private final Runnable release;
    private boolean closed;

    HostBuffer(MemorySegment segment, String label, Runnable release) {
        this.segment = segment;
        this.label = label;
        this.release = release;
    }

    /** The memory of a region of a host device, to the end of its buffer. */
    public static MemorySegment segment(Region region) {
        return ((HostBuffer) region.buffer()).segment.asSlice(region.byteOffset());
    }

    /** The memory of an activation's whole buffer; rows lie at {@link Tensor#rowOffset}. */
    public static MemorySegment segment(Tensor tensor) {
        return ((HostBuffer) tensor.at().buffer()).segment;
    }

    /**
     * Address of a region, for kernels that take addresses. Holding one does not keep the memory: whoever closes a
     * buffer has awaited the work that uses it.
     */
    public static long address(Region region) {
        return ((HostBuffer) region.buffer()).segment.address() + region.byteOffset();
    }

    @Override
    public long byteSize() {
        return segment.byteSize();
    }

    @Override
    public String label() {
        return label;
    }

    @Override
    public void read(long byteOffset, MemorySegment target) {
        MemorySegment.copy(segment, byteOffset, target, 0, target.byteSize());
    }

    @Override
    public void write(long byteOffset, MemorySegment source) {
        MemorySegment.copy(source, 0, segment, byteOffset, source.byteSize());
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            // May refuse while another thread reads the memory; the buffer is still open then.
            release.run();
            closed = true;
        }
    }
}
