package dev.jemma.models.golden;

class CpuGoldenTest extends GoldenContract {
    @Override
    String backend() {
        return "cpu";
    }
}
