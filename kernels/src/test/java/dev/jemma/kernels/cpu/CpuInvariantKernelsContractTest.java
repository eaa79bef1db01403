package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.contract.CommandsContract;

/** The contract on the batch-invariant kernels: the same bits for all rows could all be wrong. */
class CpuInvariantKernelsContractTest extends CommandsContract {
    @Override
    protected Device open() {
        return new CpuDevice(2, OneDnnUse.AUTO, false);
    }

    @Override
    protected KernelChoice choice() {
        return KernelChoice.BATCH_INVARIANT;
    }
}
