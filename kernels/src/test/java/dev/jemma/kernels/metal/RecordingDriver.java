package dev.jemma.kernels.metal;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.GpuDriver;
import dev.jemma.kernels.gpu.GpuLimits;
import dev.jemma.kernels.gpu.GpuPipeline;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.gpu.ShaderLibrary;
import java.lang.foreign.MemorySegment;
import java.util.Set;
import java.util.TreeSet;

/** A driver that notes which kernels are asked for. */
class RecordingDriver implements GpuDriver {
    private final GpuDriver driver;
    private final Set<String> kernels = new TreeSet<>();

    RecordingDriver(GpuDriver driver) {
        this.driver = driver;
    }

    Set<String> kernels() {
        return kernels;
    }

    @Override
    public GpuPipeline pipeline(ShaderLibrary library, String function, FunctionConstants constants) {
        kernels.add(function);
        return driver.pipeline(library, function, constants);
    }

    @Override
    public String backend() {
        return driver.backend();
    }

    @Override
    public String description() {
        return driver.description();
    }

    @Override
    public GpuLimits limits() {
        return driver.limits();
    }

    @Override
    public DeviceMemory memory() {
        return driver.memory();
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        return driver.allocate(byteSize, label);
    }

    @Override
    public Region adopt(MemorySegment bytes, int alignment, String label) {
        return driver.adopt(bytes, alignment, label);
    }

    @Override
    public GpuStream openStream() {
        return driver.openStream();
    }

    @Override
    public void close() {
        driver.close();
    }
}
