package dev.jemma.models.golden;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;

/** Skipped, with the reason, where there is no NVIDIA GPU. */
class CudaGoldenTest extends GoldenContract {
    @BeforeAll
    static void needsAnNvidiaGpu() {
        try (Device device = Backends.open("cuda", DeviceOptions.DEFAULT).device()) {
            System.out.println("golden checkpoints on " + device.description());
        } catch (DeviceException.Unavailable unavailable) {
            Assumptions.abort("no NVIDIA GPU to test: " + unavailable.getMessage());
        }
    }

    @Override
    String backend() {
        return "cuda";
    }
}
