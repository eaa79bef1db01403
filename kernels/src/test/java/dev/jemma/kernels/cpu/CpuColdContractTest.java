package dev.jemma.kernels.cpu;

/** The contract where every step is run as a process runs its first. */
class CpuColdContractTest extends CpuContract {
    CpuColdContractTest() {
        super(2, OneDnnUse.AUTO, Integer.MAX_VALUE);
    }
}
