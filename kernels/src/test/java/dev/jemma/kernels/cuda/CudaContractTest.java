package dev.jemma.kernels.cuda;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.contract.Arithmetic;
import dev.jemma.kernels.contract.AttentionContract;
import dev.jemma.kernels.contract.BatchInvarianceContract;
import dev.jemma.kernels.contract.CommandsContract;
import dev.jemma.kernels.contract.ExpertContract;
import dev.jemma.kernels.contract.MatmulContract;
import dev.jemma.kernels.gpu.GpuDevice;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;

/**
 * The op contract on an NVIDIA GPU; skipped, with the reason, where there is none. All ops in F32 first, then those that
 * use tensor cores unless told otherwise.
 */
class CudaContractTest extends CommandsContract {
    private static final Arithmetic BF16_PRODUCTS = new Arithmetic(0x1p-24, 0x1p-8, 0x1p-21);

    /**
     * Of an operand split into two BF16 numbers up to 2^-17 is lost, and of the product of two such operands that of their
     * second parts, up to 2^-16: 2^-15 in all.
     */
    private static final Arithmetic SPLIT_PRODUCTS = new Arithmetic(0x1p-24, 0x1p-15, 0x1p-21);

    @BeforeAll
    static void needsAnNvidiaGpu() {
        try (Device device = open(false)) {
            System.out.println("CUDA contract on " + device.description());
        } catch (DeviceException.Unavailable unavailable) {
            Assumptions.abort("no NVIDIA GPU to test: " + unavailable.getMessage());
        }
    }

    private static Device open(boolean exact) {
        return new GpuDevice(CudaGpuDriver.open(DeviceOptions.DEFAULT, exact));
    }

    @Override
    protected Device open() {
        return open(true);
    }

    /**
     * Up to 8 rows, of affine weights 16, are multiplied with split operands. Of more, activations and dequantized weights are rounded to BF16,
     * each by up to 2^-8 of itself, in most cases less: 2^-8 of their product. Sums are F32.
     */
    @Nested
    class MatmulOnTensorCores extends MatmulContract {
        @Override
        protected Device open() {
            return CudaContractTest.open(false);
        }

        @Override
        protected Arithmetic arithmetic(int rows) {
            return rows > 8 ? BF16_PRODUCTS : rows > 1 ? SPLIT_PRODUCTS : arithmetic();
        }
    }

    /** Rounding may not decide which experts are chosen. */
    @Nested
    class MatmulOfModelsWithExperts extends MatmulContract {
        @Override
        protected Device open() {
            return CudaContractTest.open(false);
        }

        @Override
        protected int numExperts() {
            return 8;
        }

        @Override
        protected Arithmetic arithmetic(int rows) {
            return rows > 1 ? SPLIT_PRODUCTS : arithmetic();
        }
    }

    /** Lists of experts' rows are multiplied with split operands. */
    @Nested
    class ExpertsOnTensorCores extends ExpertContract {
        @Override
        protected Device open() {
            return CudaContractTest.open(false);
        }

        @Override
        protected Arithmetic arithmetic() {
            return SPLIT_PRODUCTS;
        }
    }

    /** Queries, and the weights of values, are rounded to F16: by up to 2^-11 of themselves. */
    @Nested
    class AttentionOnTensorCores extends AttentionContract {
        @Override
        protected Device open() {
            return CudaContractTest.open(false);
        }

        @Override
        protected Arithmetic arithmetic() {
            return new Arithmetic(0x1p-24, 0x1p-11, 0x1p-21);
        }
    }

    /** They are split into two F16 numbers. Of a weight, and of a query below 1, up to 2^-25 is lost, else 2^-23 of it. */
    @Nested
    class AttentionOfModelsWithExperts extends AttentionContract {
        @Override
        protected Device open() {
            return CudaContractTest.open(false);
        }

        @Override
        protected int numExperts() {
            return 8;
        }

        @Override
        protected Arithmetic arithmetic() {
            return new Arithmetic(0x1p-24, 0x1p-22, 0x1p-21);
        }
    }

    @Nested
    class BatchInvariance extends BatchInvarianceContract {
        @Override
        protected Device open() {
            return CudaContractTest.open(true);
        }
    }

    @Nested
    class BatchInvarianceOnTensorCores extends BatchInvarianceContract {
        @Override
        protected Device open() {
            return CudaContractTest.open(false);
        }
    }
}
