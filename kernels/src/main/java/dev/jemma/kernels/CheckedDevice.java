package dev.jemma.kernels;

import java.lang.foreign.MemorySegment;

/** A device whose streams check every op before the backend sees it. */
final class CheckedDevice implements Device {
    private final Device device;

    CheckedDevice(Device device) {
        this.device = device;
    }

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
        if (byteSize <= 0) {
            throw new IllegalArgumentException(label + ": expected a positive size, got " + byteSize);
        }
        return device.allocate(byteSize, label);
    }

    @Override
    public Region adopt(MemorySegment bytes, String label) {
        return device.adopt(bytes, label);
    }

    @Override
    public boolean isAsynchronous() {
        return device.isAsynchronous();
    }

    @Override
    public double operandRounding() {
        return device.operandRounding();
    }

    @Override
    public CommandStream openStream(StepLimits limits, KernelChoice choice) {
        return new CheckedStream(device.openStream(limits, choice), limits);
    }

    @Override
    public void close() {
        device.close();
    }
}
