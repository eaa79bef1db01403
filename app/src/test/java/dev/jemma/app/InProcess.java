package dev.jemma.app;

import dev.jemma.app.CliProcess.Result;
import dev.jemma.app.console.Output;
import dev.jemma.app.console.Terminal;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Runs the command line within the test: for requests that are refused before anything is computed. */
final class InProcess {
    private InProcess() {}

    static Result run(String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal terminal = new Terminal(
                new ByteArrayInputStream(new byte[0]),
                new Output("stdout", out),
                new Output("stderr", err),
                false,
                false);
        int exitCode = Main.run(terminal, arguments);
        return new Result(exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
