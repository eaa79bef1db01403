package dev.jemma.app.console;

/** What the process tells its caller. */
public final class ExitCode {
    public static final int OK = 0;

    /** Jemma or the machine failed. */
    public static final int FAILURE = 1;

    /** What the user asked for cannot be done. */
    public static final int USAGE = 2;

    /** Ctrl-C: 128 + SIGINT. */
    public static final int INTERRUPTED = 130;

    /** Whoever read the output has gone: 128 + SIGPIPE, as for programs that the signal ends. */
    public static final int OUTPUT_CLOSED = 141;

    private ExitCode() {}
}
