package dev.jemma.models.golden;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The CPU in F32 throughout, also where the processor multiplies BF16. */
class CpuGoldenTest extends GoldenContract {
    private static final String EXACT = "jemma.cpu.exact";

    @BeforeAll
    static void computesInF32() {
        System.setProperty(EXACT, "true");
    }

    @AfterAll
    static void restore() {
        System.clearProperty(EXACT);
    }

    @Override
    String backend() {
        return "cpu";
    }
}
