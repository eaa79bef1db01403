package dev.jemma.app.console;

import java.io.IOException;
import java.util.Locale;

/** Output could not be written: its reader has gone, or the disk is full. */
public final class OutputException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean closedByReader;

    public OutputException(String where, IOException cause) {
        super(where + ": " + cause.getMessage(), cause);
        String reason = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
        closedByReader = reason.contains("broken pipe") || reason.contains("pipe is being closed");
    }

    public boolean closedByReader() {
        return closedByReader;
    }
}
