package dev.jemma.models.golden;

class ReferenceGoldenTest extends GoldenContract {
    @Override
    String backend() {
        return "reference";
    }
}
