package dev.jemma.app;

/** What the process tells its caller. */
final class ExitCode {
    static final int OK = 0;

    /** Jemma or the machine failed. */
    static final int FAILURE = 1;

    /** What the user asked for cannot be done. */
    static final int USAGE = 2;

    /** Ctrl-C: 128 + SIGINT. */
    static final int INTERRUPTED = 130;

    /** Whoever read the output has gone: 128 + SIGPIPE, as for programs that the signal ends. */
    static final int OUTPUT_CLOSED = 141;

    private ExitCode() {}
}
