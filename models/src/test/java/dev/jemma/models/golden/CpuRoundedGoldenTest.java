package dev.jemma.models.golden;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;

/**
 * The CPU as users run it: oneDNN multiplies prompts in BF16, but for models with experts. Skipped, with the reason, where
 * the processor has no such products: there {@link CpuGoldenTest} is what users run.
 */
class CpuRoundedGoldenTest extends GoldenContract {
    @BeforeAll
    static void needsProductsOfBf16() {
        try (Device device = Backends.open("cpu", DeviceOptions.DEFAULT).device()) {
            Assumptions.assumeTrue(
                    device.operandRounding() == 0x1p-9,
                    () -> "the cpu backend has no products of BF16 here: " + device.description());
        }
    }

    @Override
    String backend() {
        return "cpu";
    }

    /** Half a unit of BF16's last place is 2^-9 to 2^-8. */
    @Override
    double operandRounding(boolean routes) {
        return routes ? 0 : 0x1p-9;
    }
}
