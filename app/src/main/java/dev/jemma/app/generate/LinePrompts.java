package dev.jemma.app.generate;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import org.jspecify.annotations.Nullable;

/** One prompt a line: a JSON object, or plain text. Blank lines are none. */
final class LinePrompts implements PromptSource {
    private final BufferedReader lines;
    private final boolean json;
    private final @Nullable String system;
    private int lineNumber;

    LinePrompts(Reader reader, boolean json, @Nullable String system) {
        this.lines = new BufferedReader(reader);
        this.json = json;
        this.system = system;
    }

    @Override
    public @Nullable BatchPrompt next() {
        String line = readLine();
        while (line != null && line.isBlank()) {
            line = readLine();
        }
        if (line == null) {
            return null;
        }
        return json ? BatchPrompt.ofJson(lineNumber, line, system) : BatchPrompt.ofText(lineNumber, line, system);
    }

    private @Nullable String readLine() {
        try {
            String line = lines.readLine();
            lineNumber++;
            return line;
        } catch (CharacterCodingException e) {
            throw new UnreadableInputException("expected UTF-8 text, got other bytes after line " + lineNumber, e);
        } catch (IOException e) {
            throw new UnreadableInputException("cannot be read after line " + lineNumber + ": " + e.getMessage(), e);
        }
    }

    @Override
    public long line() {
        return lineNumber;
    }
}
