package dev.jemma.kernels.host;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.Region;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Allocates device memory on the host with the C library's {@code calloc}: large blocks are zero pages that take up
 * real memory only once written, so a cache for a long context costs what is used of it. {@link Arena#allocate} would
 * write every byte at once.
 */
public final class HostMemory {
    /** Start of every allocation, in bytes: a cache line, and the widest vector. */
    private static final long ALIGNMENT = 64;

    private static final MethodHandle CALLOC =
            handle("calloc", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle FREE = handle("free", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));

    private final AtomicLong allocatedBytes = new AtomicLong();

    private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
    }

    public DeviceBuffer allocate(long byteSize, String label) {
        MemorySegment block = calloc(Math.addExact(byteSize, ALIGNMENT));
        if (block.address() == 0) {
            throw new DeviceException.OutOfMemory(label + ": the system refused " + byteSize
                    + " bytes; use a smaller context, fewer sequences or a smaller model");
        }
        long padding = -block.address() & (ALIGNMENT - 1);
        Arena arena = Arena.ofShared();
        MemorySegment memory =
                MemorySegment.ofAddress(block.address() + padding).reinterpret(byteSize, arena, null);
        allocatedBytes.addAndGet(byteSize);
        return new HostBuffer(memory, label, () -> {
            arena.close();
            free(block);
            allocatedBytes.addAndGet(-byteSize);
        });
    }

    /** Wraps the bytes in place. */
    public Region adopt(MemorySegment bytes, String label) {
        return new Region(new HostBuffer(bytes, label, () -> {}), 0);
    }

    public DeviceMemory memory() {
        long allocated = allocatedBytes.get();
        return new DeviceMemory(SystemMemory.total(), SystemMemory.available(allocated), allocated);
    }

    private static MemorySegment calloc(long byteSize) {
        try {
            return (MemorySegment) CALLOC.invokeExact(1L, byteSize);
        } catch (Throwable failure) {
            throw new AssertionError("calloc", failure);
        }
    }

    private static void free(MemorySegment block) {
        try {
            FREE.invokeExact(block);
        } catch (Throwable failure) {
            throw new AssertionError("free", failure);
        }
    }
}
