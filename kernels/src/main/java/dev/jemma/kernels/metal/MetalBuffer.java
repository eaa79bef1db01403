package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceBuffer;
import java.lang.foreign.MemorySegment;

/** An MTLBuffer in shared storage: the host reads and writes the memory that the kernels use. */
final class MetalBuffer implements DeviceBuffer {
    private final MetalMemory owner;
    private final long reference;
    private final MemorySegment contents;
    private final String label;
    private boolean closed;

    /** @param contents the buffer's bytes; read-only where they are a mapped file's */
    MetalBuffer(MetalMemory owner, long reference, MemorySegment contents, String label) {
        this.owner = owner;
        this.reference = reference;
        this.contents = contents;
        this.label = label;
    }

    /** The MTLBuffer, valid until this is closed. */
    long reference() {
        requireOpen();
        return reference;
    }

    @Override
    public long byteSize() {
        return contents.byteSize();
    }

    @Override
    public String label() {
        return label;
    }

    @Override
    public void read(long byteOffset, MemorySegment target) {
        requireOpen();
        MemorySegment.copy(contents, byteOffset, target, 0, target.byteSize());
    }

    @Override
    public void write(long byteOffset, MemorySegment source) {
        requireOpen();
        MemorySegment.copy(source, 0, contents, byteOffset, source.byteSize());
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException(label + ": used after it was closed");
        }
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            owner.release(this, reference);
        }
    }

    @Override
    public String toString() {
        return label + " (" + byteSize() + " bytes)";
    }
}
