package dev.jemma.kernels.reference;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.host.HostMemory;
import java.lang.foreign.MemorySegment;

/** Host memory and the caller's thread. */
public final class ReferenceDevice implements Device {
    private final HostMemory memory = new HostMemory();

    @Override
    public String backend() {
        return "reference";
    }

    @Override
    public String description() {
        return "scalar, 1 thread, sums in double";
    }

    @Override
    public DeviceMemory memory() {
        return memory.memory();
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        return memory.allocate(byteSize, label);
    }

    @Override
    public Region adopt(MemorySegment bytes, String label) {
        return memory.adopt(bytes, label);
    }

    @Override
    public boolean isAsynchronous() {
        return false;
    }

    @Override
    public CommandStream openStream(StepLimits limits, KernelChoice choice) {
        return new ReferenceStream(limits);
    }

    @Override
    public void close() {}
}
