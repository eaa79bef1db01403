package dev.jemma.kernels.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.kernels.onednn.OneDnnLibrary;
import org.junit.jupiter.api.BeforeAll;

/** The contract where exact products go to oneDNN. {@link CpuColdContractTest} has them without AMX too. */
class CpuOneDnnContractTest extends CpuContract {
    CpuOneDnnContractTest() {
        super(2, OneDnnUse.ON);
    }

    @BeforeAll
    static void needsOneDnn() {
        OneDnnLibrary.Outcome outcome = OneDnnLibrary.outcome();
        assumeTrue(
                outcome.library() != null && outcome.library().hasTiles(),
                () -> "exact products are oneDNN's with AMX only: " + outcome.reason());
    }
}
