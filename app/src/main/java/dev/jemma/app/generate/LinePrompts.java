package dev.jemma.app.generate;

import dev.jemma.app.console.Utf8Lines;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** One prompt a line: a JSON object, or plain text. Blank lines are none. */
final class LinePrompts implements PromptSource {
    private final Utf8Lines lines;
    private final boolean json;
    private final @Nullable String system;

    LinePrompts(InputStream in, boolean json, @Nullable String system) {
        this.lines = new Utf8Lines(in, _ -> "text");
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
        return json
                ? BatchPrompt.ofJson(lines.number(), line, system)
                : BatchPrompt.ofText(lines.number(), line, system);
    }

    private @Nullable String readLine() {
        try {
            return lines.next();
        } catch (IOException e) {
            throw new UnreadableInputException("cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public long line() {
        return lines.number();
    }
}
