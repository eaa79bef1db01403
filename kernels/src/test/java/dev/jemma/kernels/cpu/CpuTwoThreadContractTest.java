package dev.jemma.kernels.cpu;

class CpuTwoThreadContractTest extends CpuContract {
    CpuTwoThreadContractTest() {
        super(2, OneDnnUse.OFF);
    }
}
