package dev.jemma.models.golden;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;

/**
 * Skipped, with the reason, where there is no NVIDIA GPU. Prompts are multiplied in BF16, unless the JVM is told
 * {@code -Djemma.cuda.exact=true}.
 */
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

    @Override
    double operandRounding() {
        return Boolean.getBoolean("jemma.cuda.exact") ? 0 : 0x1p-9;
    }
}
