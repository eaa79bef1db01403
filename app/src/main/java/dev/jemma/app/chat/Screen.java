package dev.jemma.app.chat;

import dev.jemma.app.console.Output;
import dev.jemma.app.console.Terminal;

/**
 * What the user sees. Answers go to stdout; all else goes there only if it is a terminal, and to stderr otherwise, so
 * that a pipe gets nothing but answers.
 */
final class Screen {
    private static final String DIM = "\u001b[2m";
    private static final String BOLD = "\u001b[1m";
    private static final String PLAIN = "\u001b[0m";
    private static final String ERASE_LINE = "\r\u001b[K";

    /** Where Unicode keeps pictures of the control characters. */
    private static final char CONTROL_PICTURES = '\u2400';

    private final Terminal terminal;
    private final Output aside;
    private final boolean color;

    Screen(Terminal terminal, boolean color) {
        this.terminal = terminal;
        this.aside = terminal.outputIsTerminal() ? terminal.out() : terminal.err();
        this.color = color;
    }

    boolean hasColor() {
        return color;
    }

    boolean answersAreSeen() {
        return terminal.outputIsTerminal();
    }

    /** A piece of an answer. */
    void answer(String text) {
        terminal.out().print(terminal.outputIsTerminal() ? harmless(text) : text);
    }

    /** A piece of what the model thinks, which only a terminal shows. */
    void thought(String text) {
        if (terminal.outputIsTerminal()) {
            terminal.out().print(dim(harmless(text)));
        }
    }

    /** What the user asked to see. */
    void say(String text) {
        aside.println(harmless(text));
    }

    /** A remark by the way. */
    void note(String text) {
        aside.println(dim(harmless(text)));
    }

    /** A remark that {@link #eraseLine} takes away, or the next line follows where it cannot. */
    void passing(String text) {
        aside.print(color ? dim(text) : text + "\n");
    }

    void eraseLine() {
        if (color) {
            aside.print(ERASE_LINE);
        }
    }

    void error(String message) {
        terminal.err().println("jemma: " + harmless(message).replace('\n', ' '));
    }

    /** The first line of a session. */
    void title(String name, String rest) {
        aside.println((color ? BOLD + name + PLAIN : name) + harmless(rest));
    }

    private String dim(String text) {
        return color ? DIM + text + PLAIN : text;
    }

    /** Shows control characters instead of letting a text move the cursor or send the terminal commands. */
    static String harmless(String text) {
        StringBuilder shown = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < ' ' && c != '\n' && c != '\t') {
                shown.append((char) (CONTROL_PICTURES + c));
            } else {
                shown.append(c >= '\u007f' && c <= '\u009f' ? '\ufffd' : c);
            }
        }
        return shown.toString();
    }
}
