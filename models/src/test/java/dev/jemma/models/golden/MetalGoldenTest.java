package dev.jemma.models.golden;

import dev.jemma.kernels.softmetal.SoftMetal;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The shaders against the golden checkpoints, on a Mac's Metal or on the software Metal. */
class MetalGoldenTest extends GoldenContract {
    private static final String LIBRARY = "jemma.metal.library";

    @BeforeAll
    static void nameTheSoftwareMetal() {
        if (!System.getProperty("os.name").startsWith("Mac")) {
            System.setProperty(LIBRARY, SoftMetal.library().toString());
        }
    }

    @AfterAll
    static void restore() {
        System.clearProperty(LIBRARY);
    }

    @Override
    String backend() {
        return "metal";
    }
}
