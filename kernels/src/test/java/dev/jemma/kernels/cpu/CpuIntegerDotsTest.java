package dev.jemma.kernels.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.ExpertContract;
import dev.jemma.kernels.contract.MatmulContract;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;

/**
 * Products of few rows as users have them where the processor has dot products of bytes. Of one product, errors of 2^-16 of
 * the largest activation of a group add up as a random walk, which stays within the bound on F32's roundings: so this is
 * held here, with activations of two digits and of three.
 */
class CpuIntegerDotsTest {
    @BeforeAll
    static void needsDotProductsOfBytes() {
        assumeTrue(IntegerDots.available(), IntegerDots::obstacle);
    }

    private static Device device() {
        return new CpuDevice(2, OneDnnUse.OFF, false);
    }

    @Nested
    class Products extends MatmulContract {
        @Override
        protected Device open() {
            return device();
        }
    }

    @Nested
    class ProductsOfModelsWithExperts extends MatmulContract {
        @Override
        protected Device open() {
            return device();
        }

        @Override
        protected int numExperts() {
            return 8;
        }
    }

    @Nested
    class Experts extends ExpertContract {
        @Override
        protected Device open() {
            return device();
        }
    }
}
