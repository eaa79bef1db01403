package dev.jemma.kernels.metal;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.DeviceProvider;
import dev.jemma.kernels.Finding;
import dev.jemma.kernels.gpu.GpuDevice;
import dev.jemma.kernels.gpu.Shaders;
import java.util.List;

/** Opens the Apple GPU. */
public final class MetalProvider implements DeviceProvider {
    @Override
    public String backend() {
        return "metal";
    }

    @Override
    public int rank() {
        return 20;
    }

    @Override
    public Device open(DeviceOptions options) {
        return new GpuDevice(MetalDriver.open(options));
    }

    @Override
    public List<Finding> examine(DeviceOptions options) {
        try (MetalDriver driver = MetalDriver.open(options)) {
            return new MetalExamination(driver)
                    .run(Shaders.FILES.stream().map(Shaders::library).toList());
        }
    }
}
