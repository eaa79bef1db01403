package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.gpu.Shaders;
import dev.jemma.kernels.softmetal.SoftMetal;
import dev.jemma.kernels.softmetal.Switch;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every shipped kernel once in a process of its own, built with clang's sanitizers: reads and writes outside buffers and
 * threadgroup memory, uses of memory that nobody wrote, and races between the threads of a threadgroup.
 */
class SanitizedKernelsTest {
    private static RecordingDriver driver() {
        return new RecordingDriver(
                MetalDriver.open(new DeviceOptions(0, SoftMetal.library().toString())));
    }

    @Test
    void tourMeetsEveryKernel() {
        RecordingDriver driver = driver();
        try (KernelTour tour = new KernelTour(driver)) {
            tour.run();
        }
        List<String> shipped = Shaders.FILES.stream()
                .flatMap(file -> Shaders.functions(Shaders.library(file)).stream())
                .toList();
        assertThat(driver.kernels()).containsExactlyInAnyOrderElementsOf(shipped);
    }

    @ParameterizedTest
    @ValueSource(strings = {"asan", "msan", "tsan"})
    void tourIsClean(String sanitizer) {
        try (Switch _ = new Switch("SOFTMETAL_CHECK", sanitizer);
                KernelTour tour = new KernelTour(driver())) {
            tour.run();
        }
    }
}
