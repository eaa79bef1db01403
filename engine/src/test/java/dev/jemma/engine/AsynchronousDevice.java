package dev.jemma.engine;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.StepLimits;
import java.lang.foreign.MemorySegment;

/** A device that says of itself that it runs beside the host, so that the next step is given to it before its results. */
record AsynchronousDevice(Device device) implements Device {
    @Override
    public String backend() {
        return device.backend();
    }

    @Override
    public String description() {
        return device.description();
    }

    @Override
    public DeviceMemory memory() {
        return device.memory();
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        return device.allocate(byteSize, label);
    }

    @Override
    public Region adopt(MemorySegment bytes, String label) {
        return device.adopt(bytes, label);
    }

    @Override
    public boolean isAsynchronous() {
        return true;
    }

    @Override
    public CommandStream openStream(StepLimits limits, KernelChoice choice) {
        return device.openStream(limits, choice);
    }

    @Override
    public void close() {
        device.close();
    }
}
