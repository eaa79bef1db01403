package dev.jemma.kernels.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.MatmulContract;
import org.junit.jupiter.api.BeforeAll;

/**
 * Products of few rows as users have them where the processor has dot products of bytes. An activation is off by up to
 * 2^-16 of the largest of its group; over a row these errors add up as a random walk and stay within the bound of F32's
 * own roundings, which is held here.
 */
class CpuIntegerDotsTest extends MatmulContract {
    @BeforeAll
    static void needsDotProductsOfBytes() {
        assumeTrue(IntegerDots.available(), IntegerDots::obstacle);
    }

    @Override
    protected Device open() {
        return new CpuDevice(2, OneDnnUse.OFF, false);
    }
}
