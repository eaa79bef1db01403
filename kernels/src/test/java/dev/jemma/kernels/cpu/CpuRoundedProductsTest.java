package dev.jemma.kernels.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.Arithmetic;
import dev.jemma.kernels.contract.MatmulContract;
import dev.jemma.kernels.onednn.OneDnnLibrary;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;

/** Products as users have them where the processor multiplies BF16: many rows with rounded operands. */
class CpuRoundedProductsTest {
    /**
     * Activations and dequantized weights are rounded to BF16, each by up to 2^-8 of itself, in most cases less: 2^-8 of
     * their product. Sums are F32.
     */
    private static final Arithmetic BF16_PRODUCTS = new Arithmetic(0x1p-24, 0x1p-8, 0x1p-21);

    @BeforeAll
    static void needsOneDnn() {
        OneDnnLibrary.Outcome outcome = OneDnnLibrary.outcome();
        assumeTrue(outcome.library() != null, () -> "oneDNN is not used on this machine: " + outcome.reason());
    }

    private static Device device() {
        return new CpuDevice(2, OneDnnUse.ON, false);
    }

    @Nested
    class Rounded extends MatmulContract {
        @Override
        protected Device open() {
            return device();
        }

        @Override
        protected Arithmetic arithmetic(int rows) {
            return rows >= OneDnnRows.MIN_ROUNDED ? BF16_PRODUCTS : arithmetic();
        }
    }

    /** Rounding may not decide which experts are chosen. */
    @Nested
    class OfModelsWithExperts extends MatmulContract {
        @Override
        protected Device open() {
            return device();
        }

        @Override
        protected int numExperts() {
            return 8;
        }
    }
}
