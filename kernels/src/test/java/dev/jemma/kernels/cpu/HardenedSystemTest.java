package dev.jemma.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Where a system runs no code that a process has written, Java's kernels do everything. */
@EnabledOnOs(
        value = OS.LINUX,
        architectures = {"amd64", "x86_64"},
        disabledReason = "there is machine code on x86-64 Linux only")
class HardenedSystemTest {
    @Test
    void machineCodeIsGoneWithout() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        // The JVM's own compilers write code too.
                        "-Xint",
                        "-cp",
                        System.getProperty("java.class.path"),
                        HardenedProcess.class.getName()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assumeFalse(output.contains(HardenedProcess.NOT_KNOWN), HardenedProcess.NOT_KNOWN);
        assertThat(output).isEqualTo("the system runs no machine code that a process has written\ntrue\nfalse\n");
        assertThat(process.exitValue()).isZero();
    }
}
