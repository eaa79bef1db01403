package dev.jemma.models.golden;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;

/** CUDA in F32 throughout, as the other backends compute. Skipped, with the reason, where there is no NVIDIA GPU. */
class CudaGoldenTest extends GoldenContract {
    private static final String EXACT = "jemma.cuda.exact";

    @BeforeAll
    static void computesInF32() {
        needsAnNvidiaGpu();
        System.setProperty(EXACT, "true");
    }

    @AfterAll
    static void restore() {
        System.clearProperty(EXACT);
    }

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
