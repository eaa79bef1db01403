package dev.jemma.app;

import dev.jemma.app.console.ExitCode;
import dev.jemma.app.console.OutputException;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import dev.jemma.kernels.DeviceException;
import dev.jemma.models.ModelFormatException;
import dev.jemma.models.chat.ConversationException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Tells the user what went wrong, once, and turns it into an exit status. Only our own bugs show a stack trace. */
final class FailureReport implements CommandLine.IParameterExceptionHandler, CommandLine.IExecutionExceptionHandler {
    private final Terminal terminal;

    FailureReport(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public int handleParseException(ParameterException e, String[] args) {
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        StringBuilder message = new StringBuilder(command).append(": ").append(e.getMessage());
        if (e instanceof UnmatchedArgumentException unmatched
                && !unmatched.getSuggestions().isEmpty()) {
            message.append("; did you mean ")
                    .append(String.join(" or ", unmatched.getSuggestions()))
                    .append('?');
        }
        say(message.append("; see ").append(command).append(" --help"));
        return ExitCode.USAGE;
    }

    @Override
    public int handleExecutionException(Exception e, CommandLine commandLine, CommandLine.ParseResult parsed) {
        return report(e);
    }

    int report(Exception failure) {
        return switch (failure) {
            case OutputException output when output.closedByReader() -> ExitCode.OUTPUT_CLOSED;
            case OutputException output -> say(ExitCode.FAILURE, output);
            case UsageException usage -> say(ExitCode.USAGE, usage);
            case ModelFormatException format -> say(ExitCode.USAGE, format);
            case ConversationException conversation -> say(ExitCode.USAGE, conversation);
            case UncheckedIOException io -> say(ExitCode.FAILURE, io);
            case DeviceException device -> say(exitCode(device), device);
            default -> {
                StringWriter trace = new StringWriter();
                failure.printStackTrace(new PrintWriter(trace));
                say("jemma: internal error; please report it with the lines below\n" + trace);
                yield ExitCode.FAILURE;
            }
        };
    }

    /** A smaller request, or another backend, would have worked: the user can do something about the first two. */
    private static int exitCode(DeviceException failure) {
        return switch (failure) {
            case DeviceException.Unavailable _, DeviceException.OutOfMemory _ -> ExitCode.USAGE;
            case DeviceException.CompileFailed _, DeviceException.Failed _ -> ExitCode.FAILURE;
            case DeviceException other -> throw new AssertionError(other);
        };
    }

    private int say(int exitCode, RuntimeException failure) {
        say("jemma: " + failure.getMessage());
        return exitCode;
    }

    private void say(CharSequence message) {
        try {
            terminal.err().println(message.toString().stripTrailing());
        } catch (OutputException nobodyListens) {
            // The exit status is all that is left to tell.
            return;
        }
    }
}
