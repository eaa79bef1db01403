package dev.jemma.app.generate;

import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A batch's prompts, read one at a time: {@code .csv}, {@code .txt}, else a JSON object a line. */
final class BatchInput implements AutoCloseable {
    private final String name;
    private final InputStream in;
    private final PromptSource source;
    private final Consumer<UsageException> badLine;

    /**
     * Opens a file, or stdin for {@code -}.
     *
     * @param badLine hears of prompts that cannot be used; it may throw, to stop at the first
     */
    BatchInput(String name, Terminal terminal, @Nullable String system, Consumer<UsageException> badLine) {
        this.name = name.equals("-") ? "stdin" : name;
        this.badLine = badLine;
        this.in = open(name, terminal);
        String suffix = name.toLowerCase(Locale.ROOT);
        this.source = suffix.endsWith(".csv")
                // A decoder from newDecoder() reports malformed bytes; one made from a Charset would replace them.
                ? new CsvPrompts(new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder()), system)
                : new LinePrompts(in, !suffix.endsWith(".txt"), system);
    }

    private static InputStream open(String name, Terminal terminal) {
        if (name.equals("-")) {
            return terminal.in();
        }
        Path file = Path.of(name);
        if (Files.isDirectory(file)) {
            throw new UsageException("input: expected a file, got the directory '" + name + "'");
        }
        try {
            return Files.newInputStream(file);
        } catch (NoSuchFileException e) {
            throw new UsageException("input: expected a file, got '" + name + "', which is not there", e);
        } catch (IOException e) {
            throw new UsageException("input: expected a file that can be read, got '" + name + "'", e);
        }
    }

    /** How many prompts a file holds, usable or not; -1 for stdin, which can be read once. */
    static long count(String name, Terminal terminal) {
        if (name.equals("-")) {
            return -1;
        }
        long[] count = {0};
        try (BatchInput input = new BatchInput(name, terminal, null, _ -> count[0]++)) {
            while (input.next() != null) {
                count[0]++;
            }
        } catch (UsageException reportedWhenRead) {
            return -1;
        }
        return count[0];
    }

    /** The next prompt that can be used, or null at the end. */
    @Nullable
    BatchPrompt next() {
        while (true) {
            try {
                return source.next();
            } catch (UsageException wrong) {
                report(source.line(), wrong);
            } catch (UnreadableInputException unreadable) {
                throw new UsageException(name + ": " + unreadable.getMessage(), unreadable);
            }
        }
    }

    /** Line on which the newest prompt begins. */
    long line() {
        return source.line();
    }

    /** Says that the prompt on a line cannot be used. */
    void report(long line, RuntimeException wrong) {
        badLine.accept(new UsageException(name + ":" + line + ": " + wrong.getMessage(), wrong));
    }

    @Override
    public void close() {
        try {
            in.close();
        } catch (IOException e) {
            throw new UncheckedIOException(name + ": " + e.getMessage(), e);
        }
    }
}
