package dev.jemma.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** A program in a terminal that is really there, if nobody looks at it: a tmux server of its own. */
final class TmuxTerminal implements AutoCloseable {
    private static final int TIMEOUT_SECONDS = 120;
    private static final int POLL_MILLIS = 50;
    private static final int SHOWN_CHARS = 2000;

    private final Path directory;

    /** Starts {@code command}; once it has ended, the screen says {@code [status N]}. */
    TmuxTerminal(Path directory, Map<String, String> environment, List<String> command) {
        this.directory = directory;
        String variables = environment.entrySet().stream()
                .map(entry -> entry.getKey() + "=" + quoted(entry.getValue()))
                .collect(Collectors.joining(" "));
        String line = command.stream().map(TmuxTerminal::quoted).collect(Collectors.joining(" "));
        // Read from a file, since tmux takes commands of a few kilobytes only; a class path may be longer.
        Path script = directory.resolve("start.sh");
        // Ctrl-C goes to the shell, too: with a trap of its own it lives on.
        write(script, "trap : INT\nenv " + variables + " " + line + "\necho \"[status $?]\"\nsleep 1000\n");
        tmux("new-session", "-d", "-x", "80", "-y", "24", "sh " + quoted(script.toString()));
    }

    static boolean isAvailable() {
        try {
            return new ProcessBuilder("tmux", "-V").start().waitFor() == 0;
        } catch (IOException missing) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    private static String quoted(String word) {
        return "'" + word.replace("'", "'\\''") + "'";
    }

    private static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Types a text as it is. */
    TmuxTerminal type(String text) {
        tmux("send-keys", "-l", text);
        return this;
    }

    /** Presses keys by tmux's names: {@code Enter}, {@code C-c}, {@code Up}. */
    TmuxTerminal press(String... keys) {
        List<String> arguments = new ArrayList<>(List.of("send-keys"));
        arguments.addAll(Arrays.asList(keys));
        tmux(arguments.toArray(String[]::new));
        return this;
    }

    TmuxTerminal enter(String line) {
        return type(line).press("Enter");
    }

    /** Pastes as terminals do for programs that ask for brackets around it. */
    TmuxTerminal paste(String text) {
        Path file = directory.resolve("paste");
        write(file, text);
        tmux("load-buffer", file.toString());
        tmux("paste-buffer", "-p");
        return this;
    }

    TmuxTerminal resize(int columns, int rows) {
        tmux("resize-window", "-x", String.valueOf(columns), "-y", String.valueOf(rows));
        return this;
    }

    /** What is and was on the screen; lines that the terminal wrapped are whole again. */
    String screen() {
        return tmux("capture-pane", "-p", "-J", "-S", "-").stripTrailing();
    }

    /** The same with the escape sequences of its colours. */
    String screenWithStyles() {
        return tmux("capture-pane", "-p", "-e", "-S", "-");
    }

    /** Waits until the last line of the screen is an empty prompt and everything before it satisfies a condition. */
    String waitForPrompt(Predicate<String> condition) {
        return waitFor(screen -> (screen.endsWith("\n>") || screen.endsWith("\n> ")) && condition.test(screen));
    }

    String waitFor(String text) {
        return waitFor(screen -> screen.contains(text));
    }

    String waitFor(Predicate<String> condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(TIMEOUT_SECONDS);
        String screen = screen();
        while (!condition.test(screen)) {
            if (System.nanoTime() > deadline) {
                String end = screen.substring(Math.max(0, screen.length() - SHOWN_CHARS));
                throw new AssertionError("after " + TIMEOUT_SECONDS + " s the screen still ended with:\n" + end);
            }
            sleep();
            screen = screen();
        }
        return screen;
    }

    private static void sleep() {
        try {
            Thread.sleep(POLL_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    private String tmux(String... arguments) {
        List<String> command = new ArrayList<>(
                List.of("tmux", "-u", "-S", directory.resolve("tmux").toString(), "-f", "/dev/null"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C.UTF-8");
        builder.environment().remove("TMUX");
        try {
            Process process = builder.start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new AssertionError(command + ": " + output);
            }
            return output;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** Hangs up. */
    @Override
    public void close() {
        tmux("kill-server");
    }
}
