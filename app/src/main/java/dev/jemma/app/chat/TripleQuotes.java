package dev.jemma.app.chat;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text of several lines between triple quotes: a message, or what follows a command's name. Quotes close at the end of a
 * line only, so that text may contain them.
 */
final class TripleQuotes {
    static final String QUOTES = "\"\"\"";

    private static final Pattern OPENING = Pattern.compile("\\s*(/\\w+\\s+)?\"\"\"");

    private TripleQuotes() {}

    /** Whether {@code entry} opens quotes that it does not close. */
    static boolean isOpen(String entry) {
        Matcher opening = OPENING.matcher(entry);
        return opening.lookingAt()
                && !entry.substring(opening.end()).stripTrailing().endsWith(QUOTES);
    }

    /** Whether {@code text} is quoted, which makes it a message whatever it begins with. */
    static boolean isQuoted(String text) {
        return text.stripLeading().startsWith(QUOTES);
    }

    /** The text without its quotes, if it has any. */
    static String unquoted(String text) {
        if (!isQuoted(text)) {
            return text;
        }
        String inner = text.strip().substring(QUOTES.length());
        if (inner.endsWith(QUOTES)) {
            inner = inner.substring(0, inner.length() - QUOTES.length());
        }
        return inner.startsWith("\n") ? inner.substring(1) : inner;
    }
}
