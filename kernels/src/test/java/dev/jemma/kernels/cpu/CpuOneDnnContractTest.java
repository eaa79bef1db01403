package dev.jemma.kernels.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.kernels.onednn.OneDnnLibrary;
import org.junit.jupiter.api.BeforeAll;

/** The contract where products go to oneDNN. */
class CpuOneDnnContractTest extends CpuContract {
    CpuOneDnnContractTest() {
        super(2, OneDnnUse.ON);
    }

    @BeforeAll
    static void needsOneDnn() {
        OneDnnLibrary.Outcome outcome = OneDnnLibrary.outcome();
        assumeTrue(outcome.library() != null, () -> "oneDNN is not used on this machine: " + outcome.reason());
    }
}
