package dev.jemma.app.console;

import java.util.Locale;

/**
 * One line on stderr that says how far a long piece of work is; nothing where stderr is not a terminal. A process that is
 * interrupted takes the line away with it.
 */
public final class ProgressBar implements AutoCloseable {
    private static final int WIDTH = 24;

    private static final String ERASE = "\r\u001b[K";

    /** A narrow terminal cuts the line off: one that went on in the next line could not be taken away. */
    private static final String WITHOUT_WRAP = "\u001b[?7l";

    private static final String WITH_WRAP = "\u001b[?7h";

    /** More often is not seen, and a slow terminal would hold up the work. */
    private static final long REDRAW_NANOS = 100_000_000L;

    private final Terminal terminal;
    private final String label;
    private final long startedAt = System.nanoTime();
    private final double startedWith;
    private long drawnAt = startedAt - REDRAW_NANOS;
    private boolean drawn;
    private boolean atEnd;

    public ProgressBar(Terminal terminal, String label) {
        this(terminal, label, 0);
    }

    /** @param done the part that was done before, which says nothing about how long the rest takes */
    public ProgressBar(Terminal terminal, String label, double done) {
        this.terminal = terminal;
        this.label = label;
        this.startedWith = done;
        if (terminal.errorIsTerminal()) {
            Runtime.getRuntime().addShutdownHook(new Thread(this::end, "progress-end"));
        }
    }

    /**
     * Draws the line anew, if the last time is a while ago.
     *
     * @param done from 0 to 1; below 0 if nobody knows
     * @param detail what else to say, such as a rate; its end is not seen where the terminal is narrow
     */
    public synchronized void show(double done, String detail) {
        long now = System.nanoTime();
        if (!atEnd && terminal.errorIsTerminal() && (now - drawnAt >= REDRAW_NANOS || done >= 1)) {
            drawnAt = now;
            drawn = true;
            terminal.err().print(ERASE + WITHOUT_WRAP + line(done, detail, (now - startedAt) / 1e9) + WITH_WRAP);
        }
    }

    private synchronized void end() {
        atEnd = true;
        clear();
    }

    /** Takes the line away, so that other output can stand in its place. */
    public synchronized void clear() {
        if (drawn) {
            drawn = false;
            terminal.err().print(ERASE);
        }
    }

    /** The line {@code seconds} after the start. */
    String line(double done, String detail, double seconds) {
        if (done < 0) {
            return label + " " + detail;
        }
        int full = (int) (WIDTH * Math.min(1, done));
        String bar = "[" + "#".repeat(full) + ".".repeat(WIDTH - full) + "]";
        String percent = String.format(Locale.ROOT, "%3d %%", (int) (100 * done));
        return label + " " + bar + " " + percent + left(done, seconds) + (detail.isEmpty() ? "" : ", " + detail);
    }

    private String left(double done, double seconds) {
        double fresh = done - startedWith;
        if (fresh <= 0 || done >= 1) {
            return "";
        }
        long left = Math.round(seconds * (1 - done) / fresh);
        return left < 3600
                ? ", %d:%02d left".formatted(left / 60, left % 60)
                : ", %d:%02d h left".formatted(left / 3600, left / 60 % 60);
    }

    @Override
    public void close() {
        clear();
    }
}
