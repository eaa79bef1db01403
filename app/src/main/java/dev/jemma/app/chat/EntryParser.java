package dev.jemma.app.chat;

import java.util.List;
import org.jline.reader.EOFError;
import org.jline.reader.ParsedLine;
import org.jline.reader.Parser;

/** Tells the line editor when an entry is complete, and what of it is being completed. Nothing in it is special. */
final class EntryParser implements Parser {
    @Override
    public ParsedLine parse(String line, int cursor, ParseContext context) {
        if (context == ParseContext.ACCEPT_LINE && TripleQuotes.isOpen(line)) {
            throw new EOFError(-1, -1, "open quotes");
        }
        String before = line.substring(0, cursor);
        int space = before.indexOf(' ');
        return space < 0
                ? new Entry(line, cursor, List.of(before), 0, cursor)
                : new Entry(
                        line,
                        cursor,
                        List.of(before.substring(0, space), before.substring(space + 1)),
                        1,
                        cursor - space - 1);
    }

    /** A command's name and, from the first space on, its argument. */
    private record Entry(String line, int cursor, List<String> words, int wordIndex, int wordCursor)
            implements ParsedLine {
        @Override
        public String word() {
            return words.get(wordIndex);
        }
    }
}
