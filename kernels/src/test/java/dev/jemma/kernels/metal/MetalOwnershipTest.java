package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.softmetal.SoftMetal;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** Everything that the driver makes, it releases: counted by the software Metal. */
class MetalOwnershipTest extends MetalTest {
    private static final MemorySegment ONE = Arena.global().allocateFrom(ValueLayout.JAVA_FLOAT, 1f);

    @Test
    void everyObjectIsReleased() {
        SoftMetal counters = new SoftMetal();
        long before = counters.live();
        try (MetalDriver other = MetalDriver.open(options())) {
            useAll(other);
        }
        assertThat(counters.live()).as(counters.describeLive()).isEqualTo(before);
    }

    /** After the first few steps, which make the input buffers, a step leaves nothing behind. */
    @Test
    void stepsReleaseTheirObjects() {
        SoftMetal counters = new SoftMetal();
        try (DeviceBuffer x = floats(64, 0f);
                GpuStream stream = driver.openStream()) {
            long after4 = 0;
            for (int step = 1; step <= 40; step++) {
                stream.begin(INPUTS);
                encodeAdd(stream, kernel("add"), x, ONE);
                stream.await(stream.submit());
                if (step == MetalStream.DEPTH) {
                    after4 = counters.live();
                }
            }
            assertThat(counters.live()).as(counters.describeLive()).isEqualTo(after4);
        }
    }

    private void useAll(MetalDriver driver) {
        try (DeviceBuffer x = driver.allocate(256, "x");
                GpuStream stream = driver.openStream();
                GpuStream idle = driver.openStream()) {
            for (int step = 0; step < 10; step++) {
                stream.begin(INPUTS);
                stream.pipeline(driver.pipeline(SHADERS, "specialised", SPECIAL));
                stream.buffer(0, x, 0);
                stream.dispatch(1, 1, 1, 32, 1, 1);
                stream.submit();
            }
            stream.begin(INPUTS);
            stream.abandon();
            idle.begin(INPUTS);
        }
    }
}
