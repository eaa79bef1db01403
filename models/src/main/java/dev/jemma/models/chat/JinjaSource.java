package dev.jemma.models.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A chat template cut into texts, outputs {@code {{ }}} and statements {@code {% %}}, without comments. Enough to see
 * what a template says; it is not evaluated.
 *
 * <p>Whitespace goes as Hugging Face configures Jinja: {@code -} marks, {@code trim_blocks} and {@code lstrip_blocks}.
 */
final class JinjaSource {
    /** Possessive: a backtracking loop recurses once per character. */
    private static final Pattern STRING =
            Pattern.compile("'(?:[^'\\\\]|\\\\.)*+'|\"(?:[^\"\\\\]|\\\\.)*+\"", Pattern.DOTALL);

    private static final Pattern IDENTIFIER = Pattern.compile("(?<![.\\w])[A-Za-z_]\\w*");
    private static final Set<String> OPERATORS =
            Set.of("if", "else", "and", "or", "not", "in", "is", "true", "false", "none", "True", "False", "None");

    private final List<Piece> pieces;

    /** A part of a template. */
    sealed interface Piece {}

    /** Written as it stands. */
    record Text(String text) implements Piece {}

    /** {@code {{ body }}} */
    record Output(String body) implements Piece {}

    /** {@code {% body %}} */
    record Statement(String body) implements Piece {}

    private JinjaSource(List<Piece> pieces) {
        this.pieces = pieces;
    }

    static JinjaSource of(String template) {
        List<Piece> pieces = new ArrayList<>();
        int at = 0;
        boolean strip = false;
        boolean afterBlock = false;
        while (at < template.length()) {
            int open = nextTag(template, at);
            String text = template.substring(at, open);
            int close = open == template.length() ? open : endOfTag(template, open);
            boolean block = open < template.length() && template.charAt(open + 1) != '{';
            pieces.add(new Text(trimmed(text, new Borders(strip, afterBlock, minusAt(template, open + 2), block))));
            if (open < template.length()) {
                strip = minusAt(template, close - 3);
                afterBlock = block;
                addTag(template, open, close, pieces);
            }
            at = close;
        }
        pieces.removeIf(piece -> piece instanceof Text(String text) && text.isEmpty());
        return new JinjaSource(withoutFinalNewline(pieces));
    }

    /** What surrounds a text: {@code -} marks and block tags on either side. */
    private record Borders(boolean minusBefore, boolean blockBefore, boolean minusAfter, boolean blockAfter) {}

    private static String trimmed(String text, Borders borders) {
        String result = text;
        if (borders.minusBefore()) {
            result = result.stripLeading();
        } else if (borders.blockBefore() && result.startsWith("\n")) {
            result = result.substring(1);
        }
        if (borders.minusAfter()) {
            result = result.stripTrailing();
        } else if (borders.blockAfter()) {
            int line = result.lastIndexOf('\n') + 1;
            if (result.substring(line).isBlank()) {
                result = result.substring(0, line);
            }
        }
        return result;
    }

    private static List<Piece> withoutFinalNewline(List<Piece> pieces) {
        if (!pieces.isEmpty() && pieces.getLast() instanceof Text(String text) && text.equals("\n")) {
            pieces.removeLast();
        }
        return List.copyOf(pieces);
    }

    private static boolean minusAt(String template, int index) {
        return index >= 0 && index < template.length() && template.charAt(index) == '-';
    }

    private static int nextTag(String template, int from) {
        for (int i = template.indexOf('{', from);
                i >= 0 && i + 1 < template.length();
                i = template.indexOf('{', i + 1)) {
            char next = template.charAt(i + 1);
            if (next == '{' || next == '%' || next == '#') {
                return i;
            }
        }
        return template.length();
    }

    private static int endOfTag(String template, int open) {
        char kind = template.charAt(open + 1);
        String end = kind == '{' ? "}}" : kind + "}";
        int at = open + 2;
        while (at < template.length() && !template.startsWith(end, at)) {
            char c = template.charAt(at);
            at = kind != '#' && (c == '\'' || c == '"') ? endOfString(template, at) : at + 1;
        }
        return Math.min(at + 2, template.length());
    }

    private static int endOfString(String template, int open) {
        Matcher string = STRING.matcher(template).region(open, template.length());
        return string.lookingAt() ? string.end() : template.length();
    }

    private static void addTag(String template, int open, int close, List<Piece> pieces) {
        String body = template.substring(Math.min(open + 2, close), Math.max(close - 2, Math.min(open + 2, close)));
        String inner = body.replaceFirst("^-", "").replaceFirst("-$", "").strip();
        switch (template.charAt(open + 1)) {
            case '{' -> pieces.add(new Output(inner));
            case '%' -> pieces.add(new Statement(inner));
            default -> {
                // A comment.
            }
        }
    }

    List<Piece> pieces() {
        return pieces;
    }

    /** The template without its macros. */
    JinjaSource body() {
        List<Piece> kept = new ArrayList<>();
        boolean macro = false;
        for (Piece piece : pieces) {
            if (piece instanceof Statement(String body) && body.startsWith("macro ")) {
                macro = true;
            }
            if (!macro) {
                kept.add(piece);
            }
            if (piece instanceof Statement(String body) && body.startsWith("endmacro")) {
                macro = false;
            }
        }
        return new JinjaSource(kept);
    }

    /** From the last condition on {@code add_generation_prompt} to the end; empty if there is none. */
    JinjaSource generationPrompt() {
        return new JinjaSource(pieces.subList(generationPromptStart(), pieces.size()));
    }

    /** What precedes {@link #generationPrompt}. */
    JinjaSource beforeGenerationPrompt() {
        return new JinjaSource(pieces.subList(0, generationPromptStart()));
    }

    private int generationPromptStart() {
        for (int i = pieces.size() - 1; i >= 0; i--) {
            if (pieces.get(i) instanceof Statement(String body)
                    && body.startsWith("if ")
                    && body.contains("add_generation_prompt")) {
                return i;
            }
        }
        return pieces.size();
    }

    /** Texts and string constants, unescaped, in order. */
    List<String> literals() {
        List<String> literals = new ArrayList<>();
        for (Piece piece : pieces) {
            switch (piece) {
                case Text(String text) -> literals.add(text);
                case Output(String body) -> addStrings(body, literals);
                case Statement(String body) -> addStrings(body, literals);
            }
        }
        return literals;
    }

    private static void addStrings(String body, List<String> literals) {
        STRING.matcher(body).results().forEach(match -> literals.add(unescape(match.group())));
    }

    private static String unescape(String quoted) {
        return quoted.substring(1, quoted.length() - 1)
                .replace("\\n", "\n")
                .replace("\\'", "'")
                .replace("\\\"", "\"");
    }

    /** Variables, functions and filters that outputs use; attributes are not among them. */
    List<String> outputNames() {
        List<String> names = new ArrayList<>();
        for (Piece piece : pieces) {
            if (piece instanceof Output(String body)) {
                IDENTIFIER
                        .matcher(STRING.matcher(body).replaceAll("''"))
                        .results()
                        .map(match -> match.group())
                        .filter(name -> !OPERATORS.contains(name))
                        .forEach(names::add);
            }
        }
        return names;
    }

    /** The template on one line: single quotes, single spaces, {@code \n} for newlines in strings. */
    String normalized() {
        StringBuilder line = new StringBuilder();
        for (Piece piece : pieces) {
            switch (piece) {
                case Text(String text) -> line.append(text.replace("\n", "\\n"));
                case Output(String body) ->
                    line.append("{{").append(normalized(body)).append("}}");
                case Statement(String body) ->
                    line.append("{%").append(normalized(body)).append("%}");
            }
        }
        return line.toString();
    }

    private static String normalized(String body) {
        StringBuilder result = new StringBuilder();
        Matcher strings = STRING.matcher(body);
        int end = 0;
        while (strings.find()) {
            result.append(body.substring(end, strings.start()).replaceAll("\\s+", " "));
            result.append('\'')
                    .append(unescape(strings.group()).replace("\n", "\\n"))
                    .append('\'');
            end = strings.end();
        }
        return result.append(body.substring(end).replaceAll("\\s+", " ")).toString();
    }
}
