package dev.jemma.models.golden;

import org.junit.jupiter.api.BeforeAll;

/** CUDA as users run it: tensor cores multiply prompts in BF16, split where there are experts. Skipped, with the reason, where there is no NVIDIA GPU. */
class CudaTensorCoreGoldenTest extends GoldenContract {
    @BeforeAll
    static void needsAnNvidiaGpu() {
        CudaGoldenTest.needsAnNvidiaGpu();
    }

    @Override
    String backend() {
        return "cuda";
    }

    /** Half a unit of BF16's last place is 2^-9 to 2^-8; models with experts have operands of two such numbers. */
    @Override
    double operandRounding(boolean routes) {
        return routes ? 0x1p-16 : 0x1p-9;
    }
}
