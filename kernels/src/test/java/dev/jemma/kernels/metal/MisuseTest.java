package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.softmetal.SoftMetal;
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

/** The software Metal sees the mistakes that these tests exist to find: shown by making them. */
class MisuseTest extends MetalTest {
    private static final MemorySegment ONE = Arena.global().allocateFrom(ValueLayout.JAVA_FLOAT, 1f);

    @ParameterizedTest
    @CsvSource({
        "unbound buffer, no buffer bound at index 0",
        "no threadgroup memory, no threadgroup memory at index 0",
        "release twice, released object",
        "no pool, without an autorelease pool",
        "open encoder, endEncoding"
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
}
