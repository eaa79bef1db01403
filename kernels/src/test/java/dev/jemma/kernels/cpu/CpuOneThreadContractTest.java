package dev.jemma.kernels.cpu;

class CpuOneThreadContractTest extends CpuContract {
    CpuOneThreadContractTest() {
        super(1, OneDnnUse.OFF);
    }
}
