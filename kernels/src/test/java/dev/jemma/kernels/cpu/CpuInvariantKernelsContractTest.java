package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.contract.BatchInvarianceContract;
import dev.jemma.kernels.contract.CommandsContract;
import org.junit.jupiter.api.Nested;

/** The contract on the batch-invariant kernels as users have them: the same bits for all rows could all be wrong. */
class CpuInvariantKernelsContractTest extends CommandsContract {
    private static Device device() {
        return new CpuDevice(2, OneDnnUse.AUTO, false);
    }

    @Override
    protected Device open() {
        return device();
    }

    @Override
    protected KernelChoice choice() {
        return KernelChoice.BATCH_INVARIANT;
    }

    @Nested
    class BatchInvariance extends BatchInvarianceContract {
        @Override
        protected Device open() {
            return device();
        }
    }
}
