package dev.jemma.models.golden;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;

/**
 * The CPU as users without BF16 products run it, where few rows are multiplied with quantized weights as integers: of
 * 16 bits, and of 23 for models with experts, which are held to the bounds of F32.
 */
class CpuIntegerDotsGoldenTest extends GoldenContract {
    private static final String ONE_DNN = "jemma.onednn";

    @BeforeAll
    static void needsDotProductsOfBytes() {
        System.setProperty(ONE_DNN, "off");
        try (Device device = Backends.open("cpu", DeviceOptions.DEFAULT).device()) {
            Assumptions.assumeTrue(
                    device.description().contains("VNNI"),
                    () -> "the cpu backend has no integer dot products here: " + device.description());
        }
    }

    @AfterAll
    static void restore() {
        System.clearProperty(ONE_DNN);
    }

    @Override
    String backend() {
        return "cpu";
    }

    /** Up to 2^-16 of the largest of a group of 64, which is about 2.5 times the root mean square; 1 / sqrt(3) of that. */
    @Override
    double operandRounding(boolean routes) {
        return routes ? 0 : 0x1p-15;
    }
}
