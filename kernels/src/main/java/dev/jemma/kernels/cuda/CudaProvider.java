package dev.jemma.kernels.cuda;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;
import dev.jemma.kernels.gpu.GpuDevice;

/** The {@code cuda} backend: NVIDIA GPUs. */
public final class CudaProvider implements DeviceProvider {
    @Override
    public String backend() {
        return "cuda";
    }

    @Override
    public int rank() {
        return 30;
    }

    @Override
    public Device open(DeviceOptions options) {
        return new GpuDevice(CudaGpuDriver.open(options));
    }
}
