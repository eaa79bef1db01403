package dev.jemma.models.tokenizer;

/** Strings without lone surrogates. */
final class WellFormed {
    private static final char REPLACEMENT = '\uFFFD';

    private WellFormed() {}

    /** The string itself if it is well-formed, else a copy with U+FFFD for each lone surrogate. */
    static String of(String text) {
        int at = nextLoneSurrogate(text, 0);
        if (at == text.length()) {
            return text;
        }
        StringBuilder repaired = new StringBuilder(text);
        while (at < text.length()) {
            repaired.setCharAt(at, REPLACEMENT);
            at = nextLoneSurrogate(text, at + 1);
        }
        return repaired.toString();
    }

    private static int nextLoneSurrogate(String text, int from) {
        int at = from;
        while (at < text.length()) {
            int codePoint = text.codePointAt(at);
            if (codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE) {
                return at;
            }
            at += Character.charCount(codePoint);
        }
        return at;
    }
}
