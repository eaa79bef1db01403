package dev.jemma.app.chat;

import dev.jemma.engine.Conversation;
import dev.jemma.engine.Exchange;
import dev.jemma.engine.FinishReason;
import dev.jemma.engine.GenerationEvent;
import dev.jemma.engine.GenerationResult;
import dev.jemma.engine.UsageException;
import dev.jemma.models.chat.ConversationException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Reads messages and commands and does what they say until the input ends. What goes wrong ends nothing else. */
final class Chat {
    /** From here on the user is told how full the context is. */
    private static final double NEARLY_FULL = 0.85;

    private final Conversation conversation;
    private final Settings settings;
    private final ChatInput input;
    private final Screen screen;
    private final WhenFull whenFull;
    private final String modelName;
    private final Totals totals = new Totals();
    private final StringBuilder attached = new StringBuilder();
    private boolean failed;

    /** @param modelName what to call the model in reports and files */
    Chat(
            Conversation conversation,
            Settings settings,
            ChatInput input,
            Screen screen,
            WhenFull whenFull,
            String modelName) {
        this.conversation = conversation;
        this.settings = settings;
        this.input = input;
        this.screen = screen;
        this.whenFull = whenFull;
        this.modelName = modelName;
    }

    /** Runs to the end of the input; returns whether all of it could be done. */
    boolean run() {
        boolean goesOn = true;
        while (goesOn) {
            try {
                String entry = input.read();
                goesOn = entry != null && (entry.isBlank() || take(entry));
            } catch (UsageException | ConversationException e) {
                failed = true;
                screen.error(String.valueOf(e.getMessage()));
            }
        }
        return !failed;
    }

    /** Returns whether the session goes on. */
    private boolean take(String entry) {
        if (!TripleQuotes.isQuoted(entry) && entry.stripLeading().startsWith("/")) {
            String[] words = entry.strip().split("\\s+", 2);
            return obey(SlashCommand.of(words[0]), words.length < 2 ? "" : TripleQuotes.unquoted(words[1]));
        }
        String question = attached + TripleQuotes.unquoted(entry);
        if (makeRoom(question)) {
            converse(listener -> conversation.ask(question, settings.answerOptions(), listener));
            attached.setLength(0);
        }
        return true;
    }

    private boolean obey(SlashCommand command, String argument) {
        switch (command) {
            case HELP -> help();
            case EXIT -> {
                return false;
            }
            case CLEAR -> clear();
            case REGEN -> regenerate();
            case UNDO -> undo();
            case READ -> attach(UserFiles.path(command.typed(), argument));
            case SYSTEM -> setSystem(argument);
            case SET -> set(argument);
            case SHOW -> show();
            case SAVE -> save(UserFiles.path(command.typed(), argument));
            case LOAD -> load(UserFiles.path(command.typed(), argument));
            case STATS -> screen.say(totals + "\ncontext    " + context());
        }
        return true;
    }

    /** Shows an answer as it comes, and goes on with it as long as the user makes room. */
    private void converse(Function<Consumer<GenerationEvent>, GenerationResult> answer) {
        AnswerView view = new AnswerView(screen, settings.thinking());
        GenerationResult result = answer.apply(view);
        totals.add(result);
        while (conversation.canResume() && makeRoom(null)) {
            result = conversation.resume(settings.answerOptions(), view);
            totals.add(result);
        }
        view.finish();
        report(result);
    }

    private void report(GenerationResult result) {
        if (result.reason() == FinishReason.CANCELLED) {
            screen.note(result.text().isBlank() ? "[stopped; your message was taken back]" : "[stopped]");
        }
        if (result.reason() == FinishReason.MAX_TOKENS && input.isInteractive()) {
            screen.note("[cut after " + result.stats().generatedTokens() + " tokens; /set max-tokens -1 for no limit]");
        }
        if (settings.showsStats()) {
            screen.note(Totals.line(result));
        }
        boolean nearlyFull = conversation.contextUsed() > NEARLY_FULL * conversation.contextSize();
        if (nearlyFull && result.reason() != FinishReason.CONTEXT_FULL && input.isInteractive()) {
            screen.note("[context: " + context() + "; nothing is dropped without asking]");
        }
    }

    /**
     * Makes sure that the next prompt fits the context, by dropping the oldest turns if whoever decides agrees.
     *
     * @param question what is to be asked; null to go on with the last answer
     * @return whether to go on
     */
    private boolean makeRoom(@Nullable String question) {
        if (question != null && conversation.fits(question, settings.answerOptions())) {
            return true;
        }
        int inTheWay = conversation.exchangesInTheWay(question, settings.answerOptions());
        if (inTheWay == 0) {
            if (question == null) {
                screen.note("\n[the context of " + conversation.contextSize()
                        + " tokens is full and there is nothing older to drop: the answer ends here]");
            }
            // A question that is too long by itself is refused where it is asked, with its size.
            return question != null;
        }
        if (!mayDrop(inTheWay, question == null)) {
            return false;
        }
        conversation.dropOldest(inTheWay);
        screen.note("[dropped " + oldest(inTheWay) + "; the rest is read again]");
        return true;
    }

    private boolean mayDrop(int count, boolean midAnswer) {
        String full = "the context of " + conversation.contextSize() + " tokens is full";
        if (whenFull == WhenFull.DROP) {
            return true;
        }
        if (whenFull == WhenFull.STOP || !input.isInteractive()) {
            throw new UsageException((midAnswer ? "answer: cut, " : "message: not sent, ") + full
                    + "; use --when-full drop to drop the oldest turns, or a larger --ctx-size");
        }
        screen.note((midAnswer ? "\n" : "") + "[" + full + "]");
        String choice =
                input.choose("[d]rop " + oldest(count) + (midAnswer ? " and go on" : "") + ", or [s]top here? ");
        if (choice != null && choice.startsWith("d")) {
            return true;
        }
        screen.note(
                midAnswer
                        ? "[the answer ends here]"
                        : "[your message was not sent; nothing was dropped; /save, /undo and /clear work as ever]");
        return false;
    }

    private static String oldest(int count) {
        return count == 1 ? "the oldest turn" : "the oldest " + count + " turns";
    }

    private static String turns(int count) {
        return count == 1 ? "1 turn" : count + " turns";
    }

    private void help() {
        screen.say(SlashCommand.help() + "\n\n  " + TripleQuotes.QUOTES + "              begins and ends a message of"
                + " several lines; Alt-Enter begins a line, too\n  Ctrl-C           stop the answer; at the prompt:"
                + " clear the line\n  Ctrl-D           leave");
    }

    private void clear() {
        conversation.replace(conversation.system(), List.of());
        attached.setLength(0);
        screen.note("[forgotten]");
    }

    private void regenerate() {
        List<Exchange> exchanges = conversation.exchanges();
        if (exchanges.isEmpty()) {
            throw new UsageException("/regen: expected an answer to give again, got none yet");
        }
        if (settings.answerOptions().sampling().isGreedy()) {
            screen.note("[temperature is 0: the answer will be the same]");
        }
        converse(listener -> conversation.regenerate(settings.answerOptions(), listener));
    }

    private void undo() {
        if (conversation.exchanges().isEmpty()) {
            throw new UsageException("/undo: expected a message to take back, got none yet");
        }
        screen.note("[took back: " + beginning(conversation.undo().question()) + "]");
    }

    private static String beginning(String text) {
        String line = text.strip().lines().findFirst().orElse("");
        boolean whole = line.length() <= 60 && line.length() == text.strip().length();
        int end = Math.min(line.length(), 60);
        return whole ? line : line.substring(0, end) + " ...";
    }

    private void attach(Path file) {
        String text = UserFiles.read("/read", file);
        attached.append(text).append(text.endsWith("\n") ? "\n" : "\n\n");
        screen.note("[" + file + ": " + text.length() + " characters; they go before your next message]");
    }

    private void setSystem(String text) {
        conversation.setSystem(text.isBlank() ? null : text);
        screen.note(text.isBlank() ? "[no system prompt]" : "[system prompt set]");
    }

    private void set(String argument) {
        String[] words = argument.strip().split("\\s+", 2);
        if (words.length < 2) {
            throw new UsageException(
                    "/set: expected KEY VALUE, got '" + argument + "'; keys: " + String.join(", ", Settings.KEYS));
        }
        settings.set(words[0], words[1]);
        screen.note("[" + words[0] + " = " + settings.values().getOrDefault(words[0], words[1]) + "]");
    }

    private void show() {
        StringBuilder text = new StringBuilder();
        line(text, "model", modelName);
        line(text, "context", context());
        int count = conversation.exchanges().size();
        line(text, "said so far", count == 0 ? "nothing" : turns(count));
        String system = conversation.system();
        line(text, "system", system == null ? "none" : system);
        for (Map.Entry<String, String> setting : settings.values().entrySet()) {
            line(text, setting.getKey(), setting.getValue());
        }
        screen.say(text.toString().stripTrailing());
    }

    private static void line(StringBuilder text, String name, String value) {
        text.append(name).repeat(' ', 16 - name.length()).append(value).append('\n');
    }

    private String context() {
        return conversation.contextUsed() + " of " + conversation.contextSize() + " tokens";
    }

    private void save(Path file) {
        new Transcript(conversation.system(), conversation.exchanges()).write(file, modelName);
        screen.note("[saved to " + file + "]");
    }

    private void load(Path file) {
        Transcript transcript = Transcript.read(file);
        conversation.replace(transcript.system(), transcript.exchanges());
        attached.setLength(0);
        screen.note("[" + turns(transcript.exchanges().size()) + " from " + file + "]");
    }
}
