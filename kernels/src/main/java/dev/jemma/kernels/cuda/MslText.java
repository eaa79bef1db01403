package dev.jemma.kernels.cuda;

/**
 * Metal source beside a copy of the same length in which comments, string contents and preprocessor lines are blanks, so
 * that a search in the copy finds code only. Line breaks stay.
 */
record MslText(String file, String source, String code) {
    static MslText of(String file, String source) {
        StringBuilder code = new StringBuilder(source);
        int i = 0;
        while (i < source.length()) {
            int end = blankEnd(source, i);
            if (end < 0) {
                i++;
                continue;
            }
            for (int k = i; k < end; k++) {
                if (code.charAt(k) != '\n') {
                    code.setCharAt(k, ' ');
                }
            }
            i = end;
        }
        return new MslText(file, source, code.toString());
    }

    /** End of the comment, string or preprocessor line that starts at {@code i}; -1 if none does. */
    private static int blankEnd(String source, int i) {
        char c = source.charAt(i);
        if (source.startsWith("//", i)) {
            return orEnd(source, source.indexOf('\n', i));
        }
        if (source.startsWith("/*", i)) {
            int end = source.indexOf("*/", i + 2);
            return end < 0 ? source.length() : end + 2;
        }
        if (c == '"') {
            int end = i + 1;
            while (end < source.length() && source.charAt(end) != '"') {
                end += source.charAt(end) == '\\' ? 2 : 1;
            }
            return Math.min(end + 1, source.length());
        }
        if (c == '#' && source.substring(source.lastIndexOf('\n', i) + 1, i).isBlank()) {
            int end = orEnd(source, source.indexOf('\n', i));
            while (end < source.length() && source.charAt(end - 1) == '\\') {
                end = orEnd(source, source.indexOf('\n', end + 1));
            }
            return end;
        }
        return -1;
    }

    private static int orEnd(String source, int index) {
        return index < 0 ? source.length() : index;
    }

    int line(int offset) {
        return 1
                + (int) source.substring(0, offset)
                        .chars()
                        .filter(c -> c == '\n')
                        .count();
    }

    /** Offset of the bracket that closes the one at {@code open}. */
    int closing(int open) {
        int depth = 0;
        for (int i = open; i < code.length(); i++) {
            switch (code.charAt(i)) {
                case '(', '[', '{' -> depth++;
                case ')', ']', '}' -> {
                    if (--depth == 0) {
                        return i;
                    }
                }
                default -> {}
            }
        }
        throw error(open, "bracket is never closed");
    }

    /** How many braces are open at {@code offset}. */
    int depth(int offset) {
        int depth = 0;
        for (int i = 0; i < offset; i++) {
            char c = code.charAt(i);
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
        }
        return depth;
    }

    IllegalArgumentException error(int offset, String what) {
        return new IllegalArgumentException(file + ":" + line(offset) + ": " + what);
    }
}
