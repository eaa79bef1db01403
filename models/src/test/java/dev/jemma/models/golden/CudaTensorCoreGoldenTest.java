package dev.jemma.models.golden;

import org.junit.jupiter.api.BeforeAll;

/** CUDA as users run it: tensor cores multiply prompts in BF16. Skipped, with the reason, where there is no NVIDIA GPU. */
class CudaTensorCoreGoldenTest extends GoldenContract {
    @BeforeAll
    static void needsAnNvidiaGpu() {
        CudaGoldenTest.needsAnNvidiaGpu();
    }

    @Override
    String backend() {
        return "cuda";
    }

    /** BF16 keeps 8 bits. */
    @Override
    double operandRounding() {
        return 0x1p-9;
    }
}
