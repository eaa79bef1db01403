package dev.jemma.app.chat;

import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Locale;
import java.util.Objects;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jline.keymap.KeyMap;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.reader.Widget;
import org.jline.reader.impl.history.DefaultHistory;
import org.jline.terminal.Attributes;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.NonBlockingReader;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;

/** A person at a terminal, with line editing, history and completion. */
final class TerminalInput implements ChatInput {
    private static final String PROMPT = "> ";
    private static final String CONTINUATION = ". ";

    /** A longer entry was pasted and is better found where it came from. */
    private static final int LONGEST_REMEMBERED = 4096;

    private static final int REMEMBERED = 2000;
    private static final int WAITING_MILLIS = 1;
    private static final int DELETE = 0x7f;

    /** Kept, or the level set on it would be forgotten with it. */
    private static final Logger EDITOR_LOG = Logger.getLogger("org.jline");

    private final Screen screen;
    private final Terminal terminal;
    private final LineReader reader;

    private TerminalInput(Screen screen, Terminal terminal, @Nullable Path history) {
        this.screen = screen;
        this.terminal = terminal;
        LineReaderBuilder builder = LineReaderBuilder.builder()
                .terminal(terminal)
                .parser(new EntryParser())
                .completer(new EntryCompleter())
                .history(new ShortEntries())
                .variable(LineReader.SECONDARY_PROMPT_PATTERN, CONTINUATION)
                .variable(LineReader.HISTORY_SIZE, REMEMBERED)
                .variable(LineReader.HISTORY_FILE_SIZE, REMEMBERED)
                // Otherwise "!" would fetch lines out of the history.
                .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true);
        if (history != null) {
            builder.variable(LineReader.HISTORY_FILE, history);
        }
        reader = builder.build();
        Widget newline = () -> {
            reader.getBuffer().write("\n");
            return true;
        };
        Objects.requireNonNull(reader.getKeyMaps().get(LineReader.MAIN))
                .bind(newline, KeyMap.alt('\r'), KeyMap.alt('\n'));
        Widget insert = Objects.requireNonNull(reader.getBuiltinWidgets().get(LineReader.SELF_INSERT));
        reader.getWidgets().put(LineReader.SELF_INSERT, () -> insert.apply() && insertWaiting());
    }

    /**
     * Inserts what else has come already. The editor draws the whole entry after every key: with a megabyte pasted into
     * a terminal that does not mark pastes, that would take hours.
     */
    private boolean insertWaiting() {
        NonBlockingReader keys = terminal.reader();
        StringBuilder waiting = new StringBuilder();
        try {
            while (keys.peek(WAITING_MILLIS) >= ' ' && keys.peek(WAITING_MILLIS) != DELETE) {
                waiting.append((char) keys.read());
            }
        } catch (InterruptedIOException ctrlC) {
            // The editor looks for it before it waits for the next key.
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new UsageException("terminal: cannot be read: " + e.getMessage(), e);
        }
        reader.getBuffer().write(waiting);
        return true;
    }

    /**
     * Takes the terminal over.
     *
     * @param history where entries are kept between sessions; null for nowhere
     * @param interrupt what Ctrl-C does while nothing is read
     */
    static TerminalInput open(Screen screen, @Nullable Path history, Runnable interrupt) {
        EDITOR_LOG.setLevel(Level.OFF);
        try {
            Terminal terminal = TerminalBuilder.builder()
                    .name("jemma")
                    .system(true)
                    .provider("ffm")
                    .systemOutput(TerminalBuilder.SystemOutput.SysOutOrSysErr)
                    .encoding(StandardCharsets.UTF_8)
                    .nativeSignals(true)
                    .build();
            terminal.handle(Terminal.Signal.INT, _ -> interrupt.run());
            if (terminal.getType().startsWith(Terminal.TYPE_DUMB)) {
                // For these the editor does not look after signals.
                Signals.register("INT", interrupt);
            }
            quiet(terminal);
            return new TerminalInput(screen, terminal, history);
        } catch (IOException | IllegalStateException e) {
            throw new UsageException(
                    "terminal: cannot be used: " + e.getMessage() + "; pipe messages in instead, one a line", e);
        }
    }

    /** What is typed during an answer waits for the next prompt instead of appearing within the answer. */
    private static void quiet(Terminal terminal) {
        Attributes attributes = terminal.getAttributes();
        attributes.setLocalFlag(Attributes.LocalFlag.ECHO, false);
        attributes.setLocalFlag(Attributes.LocalFlag.ICANON, false);
        terminal.setAttributes(attributes);
    }

    @Override
    public @Nullable String read() {
        while (true) {
            try {
                return readLine(PROMPT);
            } catch (UserInterruptException interrupted) {
                if (interrupted.getPartialLine().isEmpty()) {
                    screen.note("[Ctrl-D or /exit leaves]");
                }
            } catch (EndOfFileException end) {
                return null;
            }
        }
    }

    @Override
    public @Nullable String choose(String question) {
        reader.setVariable(LineReader.DISABLE_HISTORY, true);
        try {
            return readLine(question).strip().toLowerCase(Locale.ROOT);
        } catch (UserInterruptException | EndOfFileException undecided) {
            return null;
        } finally {
            reader.setVariable(LineReader.DISABLE_HISTORY, false);
        }
    }

    /** The editor's Ctrl-C interrupts this thread, at times once more than it notices. */
    private String readLine(String prompt) {
        Thread.interrupted();
        try {
            return reader.readLine(prompt);
        } finally {
            Thread.interrupted();
        }
    }

    @Override
    public boolean isInteractive() {
        return true;
    }

    @Override
    public void close() {
        try {
            terminal.close();
        } catch (IOException e) {
            throw new UsageException("terminal: cannot be given back: " + e.getMessage() + "; try: reset", e);
        }
    }

    private static final class ShortEntries extends DefaultHistory {
        @Override
        public void add(Instant time, String line) {
            if (line.length() <= LONGEST_REMEMBERED) {
                super.add(time, line);
            }
        }
    }
}
