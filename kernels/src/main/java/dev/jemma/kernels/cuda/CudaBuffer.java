package dev.jemma.kernels.cuda;

import dev.jemma.kernels.DeviceBuffer;
import java.lang.foreign.MemorySegment;

/** Device memory by its address. */
final class CudaBuffer implements DeviceBuffer {
    private final CudaContext context;
    private final long address;
    private final long byteSize;
    private final String label;
    private boolean closed;

    CudaBuffer(CudaContext context, long address, long byteSize, String label) {
        this.context = context;
        this.address = address;
        this.byteSize = byteSize;
        this.label = label;
    }

    long address() {
        return address;
    }

    @Override
    public long byteSize() {
        return byteSize;
    }

    @Override
    public String label() {
        return label;
    }

    @Override
    public void read(long byteOffset, MemorySegment target) {
        checkRange(byteOffset, target.byteSize());
        context.copyToHost(target, address + byteOffset);
    }

    @Override
    public void write(long byteOffset, MemorySegment source) {
        checkRange(byteOffset, source.byteSize());
        context.copyToDevice(address + byteOffset, source);
    }

    private void checkRange(long byteOffset, long bytes) {
        if (byteOffset < 0 || bytes > byteSize - byteOffset) {
            throw new IndexOutOfBoundsException(
                    label + ": " + bytes + " bytes at " + byteOffset + " lie outside its " + byteSize);
        }
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            context.free(address, byteSize);
        }
    }
}
