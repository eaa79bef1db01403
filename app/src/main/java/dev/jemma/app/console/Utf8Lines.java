package dev.jemma.app.console;

import dev.jemma.engine.UsageException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Lines of UTF-8. One that is none ends nothing: the next call goes on behind it. */
public final class Utf8Lines {
    /** Far beyond every model's context; keeps a file without line ends from filling the memory. */
    private static final int MAX_BYTES = 64 << 20;

    private static final String BYTE_ORDER_MARK = "\ufeff";

    private final InputStream in;
    private final IntFunction<String> where;
    private int number;

    /** @param where what to call the line of a number, from 1, in messages */
    public Utf8Lines(InputStream in, IntFunction<String> where) {
        this.in = new BufferedInputStream(in, 1 << 16);
        this.where = where;
    }

    /**
     * The next line, without its end; null behind the last.
     *
     * @throws UsageException if it is not UTF-8, or endless
     */
    public @Nullable String next() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int next = in.read();
        if (next < 0) {
            return null;
        }
        number++;
        int length = 0;
        while (next >= 0 && next != '\n') {
            if (length++ < MAX_BYTES) {
                bytes.write(next);
            }
            next = in.read();
        }
        if (length > MAX_BYTES) {
            throw new UsageException(where.apply(number) + ": expected at most " + (MAX_BYTES >> 20) + " MiB, got "
                    + (length >> 20) + " MiB");
        }
        String text = Terminal.decode(where.apply(number), bytes.toByteArray());
        String line = text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
        return number == 1 ? withoutMark(line) : line;
    }

    /** Number of the newest line, from 1. */
    public int number() {
        return number;
    }

    /** A text without the mark that some programs put at the beginning of UTF-8 files. */
    public static String withoutMark(String text) {
        return text.startsWith(BYTE_ORDER_MARK) ? text.substring(BYTE_ORDER_MARK.length()) : text;
    }
}
