package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.CommandsContract;

/** The contract on one number of threads, at the JVM's vector width; the build repeats it at others. */
abstract class CpuContract extends CommandsContract {
    private final int threads;

    CpuContract(int threads) {
        this.threads = threads;
    }

    @Override
    protected final Device open() {
        return new CpuDevice(threads);
    }
}
