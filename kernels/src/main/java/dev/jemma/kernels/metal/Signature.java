package dev.jemma.kernels.metal;

/** Objective-C type encodings, reduced to what a calling convention sees. */
final class Signature {
    private Signature() {}

    /**
     * Reduces an encoding such as {@code v40@0:8r^v16Q24Q32} to one letter per value: p for objects, classes,
     * selectors, blocks and pointers, J for 8-byte integers, Z for BOOL, D, S for a struct of three J, v for none;
     * anything else stays. Drops frame offsets and the qualifiers rnNoORV, whose place differs between compilers.
     */
    static String normal(String encoding) {
        StringBuilder normal = new StringBuilder();
        int at = 0;
        while (at < encoding.length()) {
            char c = encoding.charAt(at);
            if (Character.isDigit(c) || c == '+' || c == '-' || "rnNoORV".indexOf(c) >= 0) {
                at++;
            } else {
                int end = endOfType(encoding, at);
                normal.append(letter(encoding.substring(at, end)));
                at = end;
            }
        }
        return normal.toString();
    }

    private static int endOfType(String encoding, int at) {
        char c = encoding.charAt(at);
        return switch (c) {
            case '^' -> endOfType(encoding, skipQualifiers(encoding, at + 1));
            case '{' -> closing(encoding, at);
            case '@' -> endOfObject(encoding, at + 1);
            default -> at + 1;
        };
    }

    private static int skipQualifiers(String encoding, int at) {
        int end = at;
        while (end < encoding.length() && "rnNoORV".indexOf(encoding.charAt(end)) >= 0) {
            end++;
        }
        return end;
    }

    /** After {@code @} may follow {@code ?} for a block, with its signature in angle brackets, or a class in quotes. */
    private static int endOfObject(String encoding, int at) {
        if (at < encoding.length() && encoding.charAt(at) == '"') {
            return encoding.indexOf('"', at + 1) + 1;
        }
        if (at < encoding.length() && encoding.charAt(at) == '?') {
            boolean typed = at + 1 < encoding.length() && encoding.charAt(at + 1) == '<';
            return typed ? encoding.indexOf('>', at) + 1 : at + 1;
        }
        return at;
    }

    private static int closing(String encoding, int at) {
        int depth = 0;
        for (int i = at; i < encoding.length(); i++) {
            if (encoding.charAt(i) == '{') {
                depth++;
            } else if (encoding.charAt(i) == '}' && --depth == 0) {
                return i + 1;
            }
        }
        throw new IllegalArgumentException("unbalanced type encoding " + encoding);
    }

    private static String letter(String type) {
        return switch (type.charAt(0)) {
            case '@', '#', ':', '*', '^' -> "p";
            case 'q', 'Q', 'l', 'L' -> "J";
            case 'B', 'c', 'C' -> "Z";
            case 'd' -> "D";
            case '{' -> {
                String members = type.substring(type.indexOf('=') + 1, type.length() - 1);
                yield normal(members).equals("JJJ") ? "S" : type;
            }
            default -> type;
        };
    }
}
