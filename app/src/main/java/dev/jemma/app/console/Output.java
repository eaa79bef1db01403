package dev.jemma.app.console;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Text to a stream, in UTF-8 whatever the locale says. Unlike {@link java.io.PrintStream} it reports failed writes. */
public final class Output implements Appendable {
    private final String name;
    private final OutputStream stream;

    public Output(String name, OutputStream stream) {
        this.name = name;
        this.stream = stream;
    }

    /** Writes and flushes, so that text is seen as it comes. */
    public void print(CharSequence text) {
        try {
            stream.write(text.toString().getBytes(StandardCharsets.UTF_8));
            stream.flush();
        } catch (IOException e) {
            throw new OutputException(name, e);
        }
    }

    public void println(CharSequence text) {
        print(text + "\n");
    }

    @Override
    public Appendable append(CharSequence text) {
        print(text);
        return this;
    }

    @Override
    public Appendable append(CharSequence text, int start, int end) {
        print(text.subSequence(start, end));
        return this;
    }

    @Override
    public Appendable append(char c) {
        print(String.valueOf(c));
        return this;
    }
}
