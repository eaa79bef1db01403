package dev.jemma.engine;

import dev.jemma.models.chat.ThoughtChannel.Part;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One request on its way through the scheduler. */
final class Sequence {
    private final GenerationRequest request;
    private final Generation handle;
    private final Consumer<GenerationEvent> listener;
    private final Sampler sampler;
    private final SequenceText text;
    private final int[] prompt;
    private final long requestedAt = System.nanoTime();

    private int slot = -1;
    private int prefilled;
    private int reported;
    private int reused;
    private int generated;
    private int lastToken;
    private boolean hasTokenInFlight;
    private long startedAt;
    private long firstTokenAt;
    private long lastTokenAt;

    Sequence(GenerationRequest request, Consumer<GenerationEvent> listener, Sampler sampler, SequenceText text) {
        this.request = request;
        this.handle = new Generation(request.id());
        this.listener = listener;
        this.sampler = sampler;
        this.text = text;
        this.prompt = request.prompt().toArray();
    }

    GenerationRequest request() {
        return request;
    }

    Generation handle() {
        return handle;
    }

    int slot() {
        return slot;
    }

    /** Takes a slot whose cache holds the first {@code reusedTokens} of the prompt. */
    void start(int freeSlot, int reusedTokens) {
        slot = freeSlot;
        prefilled = reusedTokens;
        reported = reusedTokens;
        reused = reusedTokens;
        startedAt = System.nanoTime();
        for (int id : prompt) {
            sampler.observe(id);
        }
    }

    boolean isPrefilling() {
        return prefilled < prompt.length;
    }

    /** Adds up to {@code maxRows} tokens of the prompt to the session's step; returns how many. */
    int addPrompt(Session session, int maxRows) {
        int rows = Math.min(maxRows, prompt.length - prefilled);
        boolean complete = prefilled + rows == prompt.length;
        session.add(slot, prompt, prefilled, prefilled + rows, complete);
        prefilled += rows;
        return rows;
    }

    /** Tells the listener how much of the prompt has been read, if a step had room for more of it. */
    void reportPrompt() {
        if (prefilled > reported) {
            reported = prefilled;
            listener.accept(new GenerationEvent.Prefilling(request.id(), prompt.length, prefilled));
        }
    }

    /** Adds the newest token to the session's step. */
    void addToken(Session session) {
        session.addDecode(slot, lastToken);
    }

    /** Adds the token that output row {@code row} of the step in flight is going to choose. */
    void addTokenInFlight(Session session, int row) {
        session.addInFlight(slot, row);
        hasTokenInFlight = true;
    }

    /** The least of a step's results that this sequence needs. */
    StepResult needs() {
        return request.logprobs() > 0 ? StepResult.LOGITS : sampler.needs();
    }

    /** Whether there will be another token, whatever the next one is, unless it ends the text. */
    boolean goesOnAfterNext(Session session) {
        return !isPrefilling()
                && !handle.isCancelled()
                && generated + 1 < request.stop().maxTokens()
                && session.room(slot) > 0;
    }

    /**
     * Takes the next token from output row {@code row} of the session's step and tells the listener.
     *
     * @return why this was the last token, or null
     */
    @Nullable
    FinishReason advance(Session session, int row) {
        List<TokenLogprob> best = List.of();
        if (request.logprobs() > 0) {
            best = TokenLogprob.best(session.logits(row), request.logprobs(), session.candidates());
        }
        int id = choose(session, row);
        int room = session.room(slot);
        if (hasTokenInFlight) {
            session.settle(slot, id);
            hasTokenInFlight = false;
            room++;
        }
        count(id);
        listener.accept(new GenerationEvent.Token(request.id(), id, best));
        if (request.stop().stopIds().contains(id)) {
            return FinishReason.STOP_TOKEN;
        }
        show(text.next(id));
        if (text.stopped()) {
            return FinishReason.STOP_STRING;
        }
        if (generated >= request.stop().maxTokens()) {
            return FinishReason.MAX_TOKENS;
        }
        return room == 0 ? FinishReason.CONTEXT_FULL : null;
    }

    private int choose(Session session, int row) {
        return switch (needs()) {
            case ARGMAX -> session.argmax(row);
            case CANDIDATES -> {
                session.readCandidates(row);
                int id = sampler.next(session.candidateIds(), session.candidateLogits());
                yield id < 0 ? sampler.next(session.logits(row)) : id;
            }
            case LOGITS -> sampler.next(session.logits(row));
        };
    }

    private void count(int id) {
        lastTokenAt = System.nanoTime();
        if (generated == 0) {
            firstTokenAt = lastTokenAt;
            listener.accept(new GenerationEvent.Prefilled(request.id(), prompt.length, reused));
        }
        generated++;
        lastToken = id;
        sampler.observe(id);
    }

    private void show(List<Part> parts) {
        for (Part part : parts) {
            listener.accept(
                    part.thought()
                            ? new GenerationEvent.Thought(request.id(), part.text())
                            : new GenerationEvent.Text(request.id(), part.text()));
        }
    }

    void finish(FinishReason reason) {
        show(text.finish(reason == FinishReason.STOP_TOKEN));
        listener.accept(new GenerationEvent.Finished(request.id(), reason, stats()));
    }

    private GenerationStats stats() {
        long now = System.nanoTime();
        long started = slot < 0 ? now : startedAt;
        long first = generated == 0 ? now : firstTokenAt;
        return new GenerationStats(
                prompt.length,
                reused,
                generated,
                started - requestedAt,
                first - started,
                generated == 0 ? 0 : lastTokenAt - first);
    }
}
