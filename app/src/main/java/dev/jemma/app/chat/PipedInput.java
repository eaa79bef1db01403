package dev.jemma.app.chat;

import dev.jemma.app.console.Utf8Lines;
import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** One message a line, or several lines between triple quotes. Nobody can be asked. */
final class PipedInput implements ChatInput {
    private final Utf8Lines lines;

    PipedInput(InputStream in) {
        this.lines = new Utf8Lines(in, number -> "stdin, line " + number);
    }

    @Override
    public @Nullable String read() {
        String entry = readLine();
        int first = lines.number();
        StringBuilder message = new StringBuilder(entry == null ? "" : entry);
        while (entry != null && TripleQuotes.isOpen(entry)) {
            String next = readLine();
            if (next == null) {
                throw new UsageException("stdin, line " + first + ": expected " + TripleQuotes.QUOTES
                        + " at the end of the message, got" + " the end of the input");
            }
            message.append('\n').append(next);
            if (next.stripTrailing().endsWith(TripleQuotes.QUOTES)) {
                break;
            }
        }
        return entry == null ? null : message.toString();
    }

    private @Nullable String readLine() {
        try {
            return lines.next();
        } catch (IOException e) {
            throw new UsageException("stdin: cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public @Nullable String choose(String question) {
        return null;
    }

    @Override
    public boolean isInteractive() {
        return false;
    }

    @Override
    public void close() {
        // Stdin is the process's.
    }
}
