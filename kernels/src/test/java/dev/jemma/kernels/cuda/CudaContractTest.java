package dev.jemma.kernels.cuda;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.contract.AddNormContract;
import dev.jemma.kernels.contract.AttentionContract;
import dev.jemma.kernels.contract.CacheContract;
import dev.jemma.kernels.contract.ExpertContract;
import dev.jemma.kernels.contract.MatmulContract;
import dev.jemma.kernels.contract.ResultContract;
import dev.jemma.kernels.contract.RowOpsContract;
import dev.jemma.kernels.gpu.GpuDevice;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;

/** The op contract on an NVIDIA GPU; skipped, with the reason, where there is none. */
class CudaContractTest {
    @BeforeAll
    static void needsAnNvidiaGpu() {
        try (Device device = open()) {
            System.out.println("CUDA contract on " + device.description());
        } catch (DeviceException.Unavailable unavailable) {
            Assumptions.abort("no NVIDIA GPU to test: " + unavailable.getMessage());
        }
    }

    private static Device open() {
        return new GpuDevice(CudaGpuDriver.open(DeviceOptions.DEFAULT));
    }

    @Nested
    class RowOps extends RowOpsContract {
        @Override
        protected Device open() {
            return CudaContractTest.open();
        }
    }

    @Nested
    class AddNorm extends AddNormContract {
        @Override
        protected Device open() {
            return CudaContractTest.open();
        }
    }

    @Nested
    class Matmul extends MatmulContract {
        @Override
        protected Device open() {
            return CudaContractTest.open();
        }
    }

    @Nested
    class Attention extends AttentionContract {
        @Override
        protected Device open() {
            return CudaContractTest.open();
        }
    }

    @Nested
    class Cache extends CacheContract {
        @Override
        protected Device open() {
            return CudaContractTest.open();
        }
    }

    @Nested
    class Experts extends ExpertContract {
        @Override
        protected Device open() {
            return CudaContractTest.open();
        }
    }

    @Nested
    class Results extends ResultContract {
        @Override
        protected Device open() {
            return CudaContractTest.open();
        }
    }
}
