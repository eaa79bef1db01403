package dev.jemma.kernels.metal;

import dev.jemma.kernels.softmetal.Switch;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * The contract once more, with the lanes of each simdgroup taking turns backwards and every pair of dispatches between
 * two barriers run in both orders: results must not depend on either.
 */
class MetalContractOrdersTest extends MetalContractTest {
    private static final List<Switch> SWITCHES = new ArrayList<>();

    @BeforeAll
    static void reverse() {
        SWITCHES.add(new Switch("SOFTMETAL_ORDER", "1"));
        SWITCHES.add(new Switch("SOFTMETAL_CONCURRENCY", "check"));
    }

    @AfterAll
    static void restore() {
        SWITCHES.forEach(Switch::close);
        SWITCHES.clear();
    }
}
