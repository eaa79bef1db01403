package dev.jemma.kernels.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SystemMemoryTest {
    @Test
    void readsWhatLinuxCallsAvailable() {
        Stream<String> meminfo = Stream.of(
                "MemTotal:       24684084 kB",
                "MemFree:        19556464 kB",
                "MemAvailable:   21577892 kB",
                "Buffers: 0 kB");
        assertThat(SystemMemory.memAvailable(meminfo)).hasValue(21_577_892L * 1024);
        assertThat(SystemMemory.memAvailable(Stream.of("MemFree: 19556464 kB"))).isEmpty();
    }

    @Test
    void someOfTheMachineIsAvailable() {
        assertThat(SystemMemory.available(0)).isPositive().isLessThanOrEqualTo(SystemMemory.total());
    }
}
