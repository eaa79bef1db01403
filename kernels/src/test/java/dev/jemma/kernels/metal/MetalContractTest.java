package dev.jemma.kernels.metal;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.contract.CommandsContract;
import dev.jemma.kernels.gpu.GpuDevice;
import dev.jemma.kernels.softmetal.SoftMetal;

/** Every op of the shaders against the reference, on a Mac's Metal or on the software Metal, where fresh memory is NaN. */
class MetalContractTest extends CommandsContract {
    static Device metal() {
        boolean mac = System.getProperty("os.name").startsWith("Mac");
        return new GpuDevice(MetalDriver.open(
                new DeviceOptions(0, mac ? null : SoftMetal.library().toString())));
    }

    @Override
    protected Device open() {
        return metal();
    }
}
