package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.softmetal.SoftMetal;
import dev.jemma.kernels.softmetal.Switch;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The software Metal sees the mistakes that these tests exist to find: shown by making them. */
class MisuseTest extends MetalTest {
    private static final MemorySegment ONE = Arena.global().allocateFrom(ValueLayout.JAVA_FLOAT, 1f);

    @ParameterizedTest
    @CsvSource({
        "unbound buffer, no buffer bound at index 0",
        "no threadgroup memory, no threadgroup memory at index 0",
        "release twice, released object",
        "no pool, without an autorelease pool",
        "open encoder, endEncoding",
        "no fence, two encoders that nothing orders"
    })
    void endsTheProcessAndSaysWhy(String mistake, String complaint) throws IOException, InterruptedException {
        assumeSoftware();
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:-CreateCoredumpOnCrash",
                        "-XX:ErrorFile=/dev/null",
                        "-Djemma.metal.library=" + SoftMetal.library(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Misuse.class.getName(),
                        mistake))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isNotZero();
        assertThat(output).contains(complaint);
    }

    private static void assumeSoftware() {
        Assumptions.assumeFalse(
                System.getProperty("os.name").startsWith("Mac"), "Apple's validation words its complaints differently");
    }

    /** Work runs when it is waited for, so what the host changes too early is what the kernels see. */
    @Test
    void anEarlyOverwriteGivesAWrongResult() {
        assumeSoftware();
        try (DeviceBuffer x = floats(64, 0f);
                GpuStream stream = driver.openStream()) {
            stream.begin(INPUTS);
            encodeAdd(stream, kernel("add"), x, ONE);
            long ticket = stream.submit();
            x.write(0, MemorySegment.ofArray(new float[] {100f}));
            stream.await(ticket);
            assertThat(floatAt(x, 0)).isEqualTo(101f);
        }
    }

    @Test
    void aMissingWaitGivesAnOldResult() {
        assumeSoftware();
        try (DeviceBuffer x = floats(64, 0f);
                GpuStream stream = driver.openStream()) {
            stream.begin(INPUTS);
            encodeAdd(stream, kernel("add"), x, ONE);
            long ticket = stream.submit();
            assertThat(floatAt(x, 0)).isZero();
            stream.await(ticket);
            assertThat(floatAt(x, 0)).isEqualTo(1f);
        }
    }

    /** The second dispatch reads what the first writes; without a barrier a GPU may run them in either order. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aMissingBarrierIsNamed(boolean barrier) {
        assumeSoftware();
        try (Switch _ = new Switch("SOFTMETAL_CONCURRENCY", "check");
                DeviceBuffer x = floats(64, 0f);
                DeviceBuffer sum = floats(1, 0f);
                GpuStream stream = driver.openStream()) {
            stream.begin(INPUTS);
            encodeAdd(stream, kernel("add"), x, ONE);
            if (barrier) {
                stream.barrier();
            }
            stream.pipeline(kernel("total"));
            stream.buffer(0, x, 0);
            stream.buffer(1, sum, 0);
            stream.threadgroupMemory(0, 16);
            stream.dispatch(1, 1, 1, 64, 1, 1);
            long ticket = stream.submit();
            if (barrier) {
                stream.await(ticket);
                assertThat(floatAt(sum, 0)).isEqualTo(64f);
            } else {
                assertThatThrownBy(() -> stream.await(ticket))
                        .isInstanceOf(DeviceException.Failed.class)
                        .hasMessageContaining("missing barrier");
            }
        }
    }
}
