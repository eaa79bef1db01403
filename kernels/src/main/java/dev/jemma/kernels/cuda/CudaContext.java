package dev.jemma.kernels.cuda;

import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/** One GPU's primary context and its memory. Every method makes the context the calling thread's. */
final class CudaContext implements AutoCloseable {
    private static final int COMPUTE_CAPABILITY_MAJOR = 75;
    private static final int COMPUTE_CAPABILITY_MINOR = 76;
    private static final int MULTIPROCESSORS = 16;
    private static final int MAX_SHARED_MEMORY_OPT_IN = 97;
    private static final int EARLY_START_MAJOR = 9;

    /** What the driver and other programs may need after our reading of the free memory. */
    private static final long RESERVE_BYTES = 256L << 20;

    /** The default stream: copies that are not part of a step go through it. */
    private static final long DEFAULT_STREAM = 0;

    private final CudaApi api;
    private final int device;
    private final long context;
    private final AtomicLong allocatedBytes = new AtomicLong();

    CudaContext(CudaApi api, int device) {
        this.api = api;
        this.device = device;
        this.context = api.retainContext(device);
    }

    /** The driver's functions, with the context set for this thread. */
    CudaApi api() {
        api.setContext(context);
        return api;
    }

    String name() {
        return api.deviceName(device);
    }

    /** Whether kernels may start before the one before has ended: from Hopper on. */
    boolean startsEarly() {
        return api.deviceAttribute(COMPUTE_CAPABILITY_MAJOR, device) >= EARLY_START_MAJOR
                && !Boolean.getBoolean("jemma.cuda.noEarlyStart");
    }

    /** Threadgroup memory that a kernel may have if it asks for it. */
    int maxThreadgroupMemory() {
        return api.deviceAttribute(MAX_SHARED_MEMORY_OPT_IN, device);
    }

    /** {@code sm_90}. */
    String architecture() {
        return "sm_" + api.deviceAttribute(COMPUTE_CAPABILITY_MAJOR, device)
                + api.deviceAttribute(COMPUTE_CAPABILITY_MINOR, device);
    }

    int multiprocessors() {
        return api.deviceAttribute(MULTIPROCESSORS, device);
    }

    DeviceMemory memory() {
        long[] freeAndTotal = api().memory();
        return new DeviceMemory(freeAndTotal[1], Math.max(0, freeAndTotal[0] - RESERVE_BYTES), allocatedBytes.get());
    }

    CudaBuffer allocate(long bytes, String label) {
        DeviceMemory memory = memory();
        if (bytes > memory.availableBytes()) {
            throw new DeviceException.OutOfMemory("cuda: " + label + " needs " + mib(bytes) + ", the device has "
                    + mib(memory.availableBytes()) + " left of " + mib(memory.totalBytes())
                    + "; use a smaller context, fewer sequences or a smaller model");
        }
        long address = api().allocate(bytes);
        allocatedBytes.addAndGet(bytes);
        return new CudaBuffer(this, address, bytes, label);
    }

    private static String mib(long bytes) {
        return (bytes >> 20) + " MiB";
    }

    void zero(CudaBuffer buffer) {
        api().zero(buffer.address(), buffer.byteSize());
        api().synchronize(DEFAULT_STREAM);
    }

    void copyToHost(MemorySegment target, long address) {
        if (target.isNative()) {
            api().copyToHost(target, address);
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(Math.max(1, target.byteSize()));
            api().copyToHost(host.asSlice(0, target.byteSize()), address);
            target.copyFrom(host.asSlice(0, target.byteSize()));
        }
    }

    /** Returns when the bytes are on the device: a copy from pageable memory alone returns before. */
    void copyToDevice(long address, MemorySegment source) {
        if (source.isNative()) {
            api().copyToDevice(address, source);
        } else {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment host = arena.allocate(Math.max(1, source.byteSize()));
                host.copyFrom(source);
                api().copyToDevice(address, host.asSlice(0, source.byteSize()));
            }
        }
        api().synchronize(DEFAULT_STREAM);
    }

    void free(long address, long bytes) {
        api().free(address);
        allocatedBytes.addAndGet(-bytes);
    }

    @Override
    public void close() {
        api.releaseContext(device);
    }
}
