package dev.jemma.models.loading;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.host.HostMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Host memory that knows which buffers are open and runs out after so many of them. */
final class CountingDevice implements Device {
    private final HostMemory memory = new HostMemory();
    private final int capacity;
    private final List<String> open = new ArrayList<>();
    private int made;

    CountingDevice(int capacity) {
        this.capacity = capacity;
    }

    /** Labels of buffers that are not closed. */
    List<String> open() {
        return open;
    }

    int made() {
        return made;
    }

    private DeviceBuffer counted(DeviceBuffer buffer) {
        open.add(buffer.label());
        return new DeviceBuffer() {
            @Override
            public long byteSize() {
                return buffer.byteSize();
            }

            @Override
            public String label() {
                return buffer.label();
            }

            @Override
            public void read(long byteOffset, MemorySegment target) {
                buffer.read(byteOffset, target);
            }

            @Override
            public void write(long byteOffset, MemorySegment source) {
                buffer.write(byteOffset, source);
            }

            @Override
            public void close() {
                open.remove(buffer.label());
                buffer.close();
            }
        };
    }

    private void take(String label) {
        if (made == capacity) {
            throw new DeviceException.OutOfMemory(label + ": the device is full");
        }
        made++;
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        take(label);
        return counted(memory.allocate(byteSize, label));
    }

    @Override
    public Region adopt(MemorySegment bytes, String label) {
        take(label);
        return new Region(counted(memory.adopt(bytes, label).buffer()), 0);
    }

    @Override
    public String backend() {
        return "counting";
    }

    @Override
    public String description() {
        return "counts its buffers";
    }

    @Override
    public DeviceMemory memory() {
        return memory.memory();
    }

    @Override
    public boolean isAsynchronous() {
        return false;
    }

    @Override
    public CommandStream openStream(StepLimits limits, KernelChoice choice) {
        throw new UnsupportedOperationException("computes nothing");
    }

    @Override
    public void close() {}
}
