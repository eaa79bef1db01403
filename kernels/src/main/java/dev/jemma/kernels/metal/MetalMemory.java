package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.metal.bindings.MetalRuntime;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/**
 * Buffers of one device. All use shared storage (host and GPU have one memory on Apple silicon) and are left out of
 * Metal's hazard tracking: the barriers of a step order its work, and a fence orders steps.
 */
final class MetalMemory {
    /** MTLResourceStorageModeShared with MTLResourceHazardTrackingModeUntracked. */
    private static final long OPTIONS = 0x100;

    private final long device;
    private final long maxBufferBytes;
    private final long recommendedBytes;
    private final long pageBytes = MetalRuntime.getpagesize();
    private final ResidencySet residency;
    private final List<MetalBuffer> open = new ArrayList<>();
    private long allocatedBytes;

    MetalMemory(long device, ResidencySet residency) {
        this.device = device;
        this.residency = residency;
        maxBufferBytes = Send.get(device, Messages.MAX_BUFFER_LENGTH);
        recommendedBytes = Send.get(device, Messages.RECOMMENDED_WORKING_SET);
    }

    long maxBufferBytes() {
        return maxBufferBytes;
    }

    DeviceMemory figures() {
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long allocated = allocatedBytes();
        return new DeviceMemory(system.getTotalMemorySize(), Math.max(0, recommendedBytes - allocated), allocated);
    }

    private synchronized long allocatedBytes() {
        return allocatedBytes;
    }

    /** Zeroed memory: fresh shared memory is not promised to be zero. */
    MetalBuffer allocate(long byteSize, String label) {
        if (byteSize <= 0) {
            throw new IllegalArgumentException(label + ": expected a positive size, got " + byteSize);
        }
        requireRoom(byteSize, label);
        long reference = Send.get(device, Messages.NEW_BUFFER, byteSize, OPTIONS);
        if (reference == 0) {
            throw outOfMemory(byteSize, label, "the system refused");
        }
        MetalBuffer buffer = register(reference, contents(reference, byteSize), label);
        MemorySegment bytes = contents(reference, byteSize);
        bytes.fill((byte) 0);
        return buffer;
    }

    /**
     * Bytes of a mapped file as a buffer, without a copy where they are aligned as the kernels need: Metal wants whole
     * pages, so the buffer starts at the page in which they start and ends where their last page ends. Anything else
     * (memory that is not mapped, a misaligned tensor, a range whose pages exceed the largest buffer) is copied.
     */
    Region adopt(MemorySegment bytes, int alignment, String label) {
        if (bytes.byteSize() == 0) {
            throw new IllegalArgumentException(label + ": expected bytes, got none");
        }
        long first = bytes.address() & -pageBytes;
        long end = (bytes.address() + bytes.byteSize() + pageBytes - 1) & -pageBytes;
        boolean aligned = bytes.isMapped() && bytes.address() % alignment == 0;
        if (aligned && end - first <= maxBufferBytes) {
            requireRoom(bytes.byteSize(), label);
            long reference = Send.get(device, Messages.NEW_BUFFER_NO_COPY, first, end - first, OPTIONS, 0);
            if (reference != 0) {
                long offset = bytes.address() - first;
                MemorySegment contents =
                        contents(reference, offset + bytes.byteSize()).asReadOnly();
                return new Region(register(reference, contents, label), offset);
            }
        }
        MetalBuffer copy = allocate(bytes.byteSize(), label);
        copy.write(0, bytes);
        return new Region(copy, 0);
    }

    private static MemorySegment contents(long reference, long byteSize) {
        return MemorySegment.ofAddress(Send.get(reference, Messages.CONTENTS)).reinterpret(byteSize);
    }

    private void requireRoom(long byteSize, String label) {
        if (byteSize > maxBufferBytes) {
            throw outOfMemory(byteSize, label, "the device's largest buffer has " + gib(maxBufferBytes));
        }
        if (byteSize > recommendedBytes - allocatedBytes()) {
            throw outOfMemory(byteSize, label, "the device recommends at most " + gib(recommendedBytes));
        }
    }

    private DeviceException.OutOfMemory outOfMemory(long byteSize, String label, String limit) {
        return new DeviceException.OutOfMemory("metal: " + label + ": needs " + gib(byteSize) + " on top of "
                + gib(allocatedBytes()) + ", but " + limit
                + "; use a smaller context, fewer sequences or a smaller model");
    }

    private static String gib(long bytes) {
        return bytes < 1 << 20 ? bytes + " bytes" : "%.2f GiB".formatted(bytes / (double) (1 << 30));
    }

    private MetalBuffer register(long reference, MemorySegment contents, String label) {
        MetalBuffer buffer = new MetalBuffer(this, reference, contents, label);
        long pool = ObjC.pushPool();
        try {
            Send.send(reference, Messages.SET_LABEL, ObjC.nsString(label));
        } finally {
            ObjC.popPool(pool);
        }
        residency.add(reference);
        synchronized (this) {
            open.add(buffer);
            allocatedBytes += buffer.byteSize();
        }
        return buffer;
    }

    void release(MetalBuffer buffer, long reference) {
        residency.remove(reference);
        synchronized (this) {
            open.remove(buffer);
            allocatedBytes -= buffer.byteSize();
        }
        ObjC.release(reference);
    }

    /** Buffers that nobody closed. */
    synchronized List<String> open() {
        return open.stream().map(DeviceBuffer::label).toList();
    }
}
