package dev.jemma.app.generate;

import dev.jemma.app.console.Terminal;
import dev.jemma.engine.UsageException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Reads prompts one line at a time: JSON objects, or plain text where the file's name ends in {@code .txt}. */
final class BatchInput implements AutoCloseable {
    private final String name;
    private final BufferedReader lines;
    private final boolean json;
    private final @Nullable String system;
    private final Consumer<UsageException> badLine;
    private int lineNumber;

    /**
     * Opens a file, or stdin for {@code -}.
     *
     * @param badLine hears of lines that are not prompts; it may throw, to stop at the first
     */
    BatchInput(String name, Terminal terminal, @Nullable String system, Consumer<UsageException> badLine) {
        this.name = name.equals("-") ? "stdin" : name;
        this.json = !name.endsWith(".txt");
        this.system = system;
        this.badLine = badLine;
        // A decoder from newDecoder() reports malformed bytes; one made from a Charset would replace them.
        lines = new BufferedReader(new InputStreamReader(open(name, terminal), StandardCharsets.UTF_8.newDecoder()));
    }

    private static InputStream open(String name, Terminal terminal) {
        if (name.equals("-")) {
            return terminal.in();
        }
        try {
            return Files.newInputStream(Path.of(name));
        } catch (IOException e) {
            throw new UsageException("input: expected a file that can be read, got '" + name + "'", e);
        }
    }

    /** The next prompt, or null at the end. */
    @Nullable
    BatchPrompt next() {
        for (String line = readLine(); line != null; line = readLine()) {
            lineNumber++;
            if (line.isBlank()) {
                continue;
            }
            try {
                return json
                        ? BatchPrompt.ofJson(lineNumber, line, system)
                        : BatchPrompt.ofText(lineNumber, line, system);
            } catch (UsageException wrong) {
                report(wrong);
            }
        }
        return null;
    }

    /** Says that the newest prompt cannot be used. */
    void report(RuntimeException wrong) {
        badLine.accept(new UsageException(name + ":" + lineNumber + ": " + wrong.getMessage(), wrong));
    }

    private @Nullable String readLine() {
        try {
            return lines.readLine();
        } catch (CharacterCodingException e) {
            throw new UsageException(name + ": expected UTF-8 text, got other bytes after line " + lineNumber, e);
        } catch (IOException e) {
            throw new UncheckedIOException(name + ": " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        try {
            lines.close();
        } catch (IOException e) {
            throw new UncheckedIOException(name + ": " + e.getMessage(), e);
        }
    }
}
