package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.gpu.GpuStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Everything that the driver makes, it releases: counted by the software Metal. */
class MetalOwnershipTest extends MetalTest {
    private static final MemorySegment ONE = Arena.global().allocateFrom(ValueLayout.JAVA_FLOAT, 1f);

    /** Objective-C objects not yet released. */
    private static long live() throws Throwable {
        Optional<MemorySegment> counter = SymbolLookup.loaderLookup().find("softmetal_live");
        Assumptions.assumeTrue(counter.isPresent(), "Apple's runtime has no object counter");
        return (long) Linker.nativeLinker()
                .downcallHandle(counter.orElseThrow(), FunctionDescriptor.of(ValueLayout.JAVA_LONG))
                .invokeExact();
    }

    @Test
    void everyObjectIsReleased() throws Throwable {
        long before = live();
        try (MetalDriver other = MetalDriver.open(new DeviceOptions(0, System.getProperty("jemma.softmetal")))) {
            useAll(other);
        }
        assertThat(live()).isEqualTo(before);
    }

    /** After the first few steps, which make the input buffers, a step leaves nothing behind. */
    @Test
    void stepsReleaseTheirObjects() throws Throwable {
        try (DeviceBuffer x = floats(64, 0f);
                GpuStream stream = driver.openStream()) {
            long after4 = 0;
            for (int step = 1; step <= 40; step++) {
                stream.begin(INPUTS);
                encodeAdd(stream, kernel("add"), x, ONE);
                stream.await(stream.submit());
                if (step == MetalStream.DEPTH) {
                    after4 = live();
                }
            }
            assertThat(live()).isEqualTo(after4);
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
