package dev.jemma.kernels.gpu;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceMemory;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.StepLimits;
import java.lang.foreign.MemorySegment;

/** A GPU as a {@link Device}: the shipped shaders on whatever driver. */
public final class GpuDevice implements Device {
    /**
     * What adopted bytes must be aligned to, to be read in place: kernels read four 16-bit weights or 8 bytes of codes
     * at a time. F32 weights need 16 and fall back to slower loads where they have only 8.
     */
    private static final int ADOPT_ALIGNMENT = 8;

    private final GpuDriver driver;
    private final Shaders shaders;

    /** @param driver closed with this device */
    public GpuDevice(GpuDriver driver) {
        if (driver.limits().simdWidth() != 32) {
            throw new IllegalArgumentException(driver.backend() + ": the shaders are written for 32 lanes, not "
                    + driver.limits().simdWidth());
        }
        this.driver = driver;
        this.shaders = new Shaders(driver);
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
    public DeviceMemory memory() {
        return driver.memory();
    }

    @Override
    public DeviceBuffer allocate(long byteSize, String label) {
        return driver.allocate(byteSize, label);
    }

    @Override
    public Region adopt(MemorySegment bytes, String label) {
        return driver.adopt(bytes, ADOPT_ALIGNMENT, label);
    }

    @Override
    public boolean isAsynchronous() {
        return true;
    }

    @Override
    public double operandRounding() {
        return driver.limits().matrixUnits() ? 0x1p-9 : 0;
    }

    @Override
    public CommandStream openStream(StepLimits limits, KernelChoice choice) {
        return new GpuCommandStream(driver, shaders, limits, choice);
    }

    @Override
    public void close() {
        driver.close();
    }
}
