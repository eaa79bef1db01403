package dev.jemma.app.chat;

import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** One message a line, or several lines between triple quotes. Nobody can be asked. */
final class PipedInput implements ChatInput {
    /** Far beyond every model's context; keeps a file without line ends from filling the memory. */
    private static final int MAX_LINE_BYTES = 64 << 20;

    private final InputStream in;
    private int line;

    PipedInput(InputStream in) {
        this.in = new BufferedInputStream(in, 1 << 16);
    }

    @Override
    public @Nullable String read() {
        String entry = readLine();
        int first = line;
        StringBuilder lines = new StringBuilder(entry == null ? "" : entry);
        while (entry != null && TripleQuotes.isOpen(entry)) {
            String next = readLine();
            if (next == null) {
                throw new UsageException("stdin, line " + first + ": expected " + TripleQuotes.QUOTES
                        + " at the end of the message, got" + " the end of the input");
            }
            lines.append('\n').append(next);
            if (next.stripTrailing().endsWith(TripleQuotes.QUOTES)) {
                break;
            }
        }
        return entry == null ? null : lines.toString();
    }

    private @Nullable String readLine() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int next = nextByte();
        if (next < 0) {
            return null;
        }
        line++;
        int length = 0;
        while (next >= 0 && next != '\n') {
            if (length++ < MAX_LINE_BYTES) {
                bytes.write(next);
            }
            next = nextByte();
        }
        String where = "stdin, line " + line;
        if (length > MAX_LINE_BYTES) {
            throw new UsageException(
                    where + ": expected at most " + (MAX_LINE_BYTES >> 20) + " MiB, got " + (length >> 20) + " MiB");
        }
        String text = Terminal.decode(where, bytes.toByteArray());
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
    }

    private int nextByte() {
        try {
            return in.read();
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
