package dev.jemma.kernels.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.AttentionContract;
import org.junit.jupiter.api.BeforeAll;

/** Attention as users have it where {@link MachineAttention} takes decodes: within the bound on F32's roundings. */
class CpuMachineAttentionTest extends AttentionContract {
    @BeforeAll
    static void needsMachineCode() {
        assumeTrue(FloatDots.available(), FloatDots::obstacle);
    }

    @Override
    protected Device open() {
        return new CpuDevice(2, OneDnnUse.OFF, false);
    }
}
