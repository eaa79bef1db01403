package dev.jemma.kernels.cpu;

class CpuThreeThreadContractTest extends CpuContract {
    CpuThreeThreadContractTest() {
        super(3, OneDnnUse.OFF);
    }
}
