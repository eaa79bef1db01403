package dev.jemma.app;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs the command line as users do: in a process of its own. */
final class CliProcess {
    private static final int TIMEOUT_SECONDS = 120;

    private CliProcess() {}

    /** What a process said. */
    record Result(int exitCode, String stdout, String stderr) {}

    static Result run(String... arguments) {
        return runWith(new byte[0], arguments);
    }

    static Result runWith(String input, String... arguments) {
        return runWith(input.getBytes(StandardCharsets.UTF_8), arguments);
    }

    static Result runWith(byte[] input, String... arguments) {
        try {
            Path directory = Files.createTempDirectory("jemma-cli");
            Path stdout = directory.resolve("stdout");
            Path stderr = directory.resolve("stderr");
            Process process = builder(arguments)
                    .redirectOutput(stdout.toFile())
                    .redirectError(stderr.toFile())
                    .start();
            try (OutputStream stdin = process.getOutputStream()) {
                stdin.write(input);
            } catch (IOException closedUnread) {
                // A process that needs no input may have ended already.
                process.onExit().join();
            }
            if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError(
                        "still running after " + TIMEOUT_SECONDS + " s: " + Arrays.toString(arguments));
            }
            return new Result(process.exitValue(), Files.readString(stdout), withoutAnnouncement(stderr));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** A process with the launcher's flags, in a locale without UTF-8. */
    static ProcessBuilder builder(String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Dai.djl.offline=true",
                "-XX:+UseSerialGC",
                "-Xmx512m",
                "-Djemma.demo=" + System.getProperty("jemma.demo"),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("LC_ALL", "C");
        builder.environment().put("JEMMA_CONFIG", "");
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        return builder;
    }

    /** The launcher filters this line; see scripts/jemma. */
    private static String withoutAnnouncement(Path stderr) throws IOException {
        return Files.readString(stderr).replaceFirst("WARNING: Using incubator modules: jdk.incubator.vector\\R", "");
    }
}
