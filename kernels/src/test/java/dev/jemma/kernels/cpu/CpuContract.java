package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.contract.CommandsContract;

/** The contract on one number of threads, at the JVM's vector width; the build repeats it at others. */
abstract class CpuContract extends CommandsContract {
    private final int threads;
    private final OneDnnUse use;
    private final int coldSteps;

    CpuContract(int threads, OneDnnUse use) {
        this(threads, use, 0);
    }

    CpuContract(int threads, OneDnnUse use, int coldSteps) {
        this.threads = threads;
        this.use = use;
        this.coldSteps = coldSteps;
    }

    @Override
    protected final Device open() {
        return new CpuDevice(threads, use, coldSteps);
    }
}
