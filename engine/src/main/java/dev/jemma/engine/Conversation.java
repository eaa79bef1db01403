package dev.jemma.engine;

import dev.jemma.models.chat.Message;
import dev.jemma.models.chat.Options;
import dev.jemma.models.chat.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A conversation with a model. Each answer's prompt is the whole conversation as the model's template writes it; what it
 * begins with in common with the one before is still in the session's cache and not computed again. Belongs to one
 * thread, save for {@link #cancel}.
 *
 * <p>Nothing that was said is ever lost unasked: what does not fit the context is refused, and {@link #dropOldest} is
 * for the caller to decide.
 */
public final class Conversation {
    private final TextModel model;
    private final Session session;
    private final Scheduler scheduler;
    private final List<Said> said = new ArrayList<>();
    private @Nullable String system;

    /** Tokens of the last answer, if the context was full before its end. */
    private @Nullable TokenIds unfinished;

    private int answers;
    private volatile boolean cancelled;
    private volatile @Nullable Generation current;

    /** A question, and the answer with the ids it was generated with. */
    private record Said(String question, Message answer) {
        Exchange exchange() {
            return new Exchange(question, answer.content());
        }
    }

    /** @param session one with a single slot, for this conversation alone */
    public Conversation(TextModel model, Session session) {
        this.model = model;
        this.session = session;
        this.scheduler = new Scheduler(session, model.tokenizer());
    }

    /** What was said, oldest first. */
    public List<Exchange> exchanges() {
        return said.stream().map(Said::exchange).toList();
    }

    /** The instructions that come before everything, or null. */
    public @Nullable String system() {
        return system;
    }

    /**
     * Sets or, with null, removes the instructions that come before everything.
     *
     * @throws dev.jemma.models.chat.ConversationException if the model's template has none
     */
    public void setSystem(@Nullable String instructions) {
        if (instructions != null) {
            List<Message> probe = List.of(new Message(Role.SYSTEM, instructions), new Message(Role.USER, ""));
            checkFits("system prompt", model.chatPrompt(probe, Options.ANSWER));
        }
        system = instructions;
    }

    /** Puts another conversation in the place of this one. */
    public void replace(@Nullable String newSystem, List<Exchange> newExchanges) {
        setSystem(newSystem);
        said.clear();
        for (Exchange exchange : newExchanges) {
            said.add(new Said(exchange.question(), new Message(Role.ASSISTANT, exchange.answer())));
        }
        unfinished = null;
    }

    /** Positions that prompt and answer together can take. */
    public int contextSize() {
        return session.options().contextSize();
    }

    /** Positions that are taken now. */
    public int contextUsed() {
        return contextSize() - session.room(0);
    }

    /** Whether the context has room for the prompt that asks {@code question} next. */
    public boolean fits(String question, AnswerOptions options) {
        return pendingPrompt(0, question, options).size() <= contextSize();
    }

    /**
     * Asks, and waits for the answer. An answer that was {@link #cancel}led counts as far as it came; if none of it had,
     * the question does not count either.
     *
     * @param listener hears of the answer as it comes
     * @throws UsageException if the prompt does not fit the context
     * @throws dev.jemma.models.chat.ConversationException if the model's template cannot express the conversation
     */
    public GenerationResult ask(String question, AnswerOptions options, Consumer<GenerationEvent> listener) {
        cancelled = false;
        TokenIds prompt = pendingPrompt(0, question, options);
        checkFits("message", prompt);
        GenerationResult result = generate(prompt, options, listener);
        if (!isNothing(result)) {
            add(question, result.ids(), result.text(), result.reason());
        }
        return result;
    }

    /** Asks the last question again. If that comes to nothing, the old answer stays. */
    public GenerationResult regenerate(AnswerOptions options, Consumer<GenerationEvent> listener) {
        TokenIds oldUnfinished = unfinished;
        Said old = removeLast();
        int before = said.size();
        try {
            return ask(old.question(), options, listener);
        } finally {
            if (said.size() == before) {
                said.add(old);
                unfinished = oldUnfinished;
            }
        }
    }

    /** Whether the context was full before the end of the last answer, so that {@link #resume} can go on with it. */
    public boolean canResume() {
        return unfinished != null;
    }

    /**
     * Goes on with an answer that the full context ended.
     *
     * @throws UsageException if the context is still full
     */
    public GenerationResult resume(AnswerOptions options, Consumer<GenerationEvent> listener) {
        cancelled = false;
        TokenIds prompt = pendingPrompt(0, null, options);
        TokenIds ids = TokenIds.of(begun().toArray());
        checkFits("conversation", prompt);
        GenerationResult result = generate(prompt, options, listener);
        ids.addAll(result.ids(), 0, result.ids().size());
        Said last = removeLast();
        add(last.question(), ids, last.answer().content() + result.text(), result.reason());
        return result;
    }

    private void add(String question, TokenIds ids, String answer, FinishReason reason) {
        said.add(new Said(question, model.chatAnswer(ids, answer)));
        unfinished = reason == FinishReason.CONTEXT_FULL ? ids : null;
    }

    /**
     * How many of the oldest exchanges must go so that the next prompt leaves half of the context free, or as much as
     * dropping all of them can; 0 if that would not help.
     *
     * @param question what is to be asked; null for a {@link #resume}
     */
    public int exchangesInTheWay(@Nullable String question, AnswerOptions options) {
        int droppable = said.size() - (question == null ? 1 : 0);
        for (int count = 1; count < droppable; count++) {
            if (pendingPrompt(count, question, options).size() <= contextSize() / 2) {
                return count;
            }
        }
        boolean helps =
                droppable > 0 && pendingPrompt(droppable, question, options).size() <= contextSize();
        return helps ? droppable : 0;
    }

    /** Forgets the {@code count} oldest exchanges. */
    public void dropOldest(int count) {
        said.subList(0, count).clear();
    }

    /**
     * Takes the last exchange back.
     *
     * @throws UsageException if there is none
     */
    public Exchange undo() {
        return removeLast().exchange();
    }

    private Said removeLast() {
        if (said.isEmpty()) {
            throw new UsageException("conversation: expected at least one answer, got none yet");
        }
        unfinished = null;
        return said.removeLast();
    }

    /** Ends the answer in progress before its next token. Any thread may call this. */
    public void cancel() {
        cancelled = true;
        Generation generation = current;
        if (generation != null) {
            generation.cancel();
        }
    }

    private GenerationResult generate(TokenIds prompt, AnswerOptions options, Consumer<GenerationEvent> listener) {
        // The first has the id of a text of its own, so that "jemma generate" says the same with the same seed.
        String id = answers == 0 ? "" : String.valueOf(answers);
        answers++;
        GenerationResult.Collector collector = new GenerationResult.Collector();
        Generation generation = scheduler.submit(
                new GenerationRequest(id, prompt, options.sampling(), options.stop(), 0, true), event -> {
                    collector.accept(event);
                    listener.accept(event);
                });
        current = generation;
        if (cancelled) {
            generation.cancel();
        }
        try {
            scheduler.runAll();
        } finally {
            current = null;
        }
        return collector.result();
    }

    /** The prompt without the {@code dropped} oldest exchanges, for a question or, with null, to go on with an answer. */
    private TokenIds pendingPrompt(int dropped, @Nullable String question, AnswerOptions options) {
        List<Message> messages = new ArrayList<>();
        if (system != null) {
            messages.add(new Message(Role.SYSTEM, system));
        }
        int complete = said.size() - (question == null ? 1 : 0);
        for (Said exchange : said.subList(dropped, complete)) {
            messages.add(new Message(Role.USER, exchange.question()));
            messages.add(exchange.answer());
        }
        messages.add(new Message(Role.USER, question == null ? said.getLast().question() : question));
        TokenIds prompt = model.chatPrompt(messages, new Options(options.thinking(), true));
        if (question == null) {
            prompt.addAll(begun(), 0, begun().size());
        }
        return prompt;
    }

    private TokenIds begun() {
        if (unfinished == null) {
            throw new IllegalStateException("the last answer is finished");
        }
        return unfinished;
    }

    private static boolean isNothing(GenerationResult result) {
        return result.reason() == FinishReason.CANCELLED && result.text().isBlank();
    }

    private void checkFits(String what, TokenIds prompt) {
        if (prompt.size() > contextSize()) {
            throw new UsageException(what + ": expected at most " + contextSize()
                    + " tokens with all that comes before it (the context size), got " + prompt.size()
                    + "; shorten it, or use a larger --ctx-size");
        }
    }
}
