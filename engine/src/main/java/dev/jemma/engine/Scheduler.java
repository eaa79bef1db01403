package dev.jemma.engine;

import dev.jemma.models.tokenizer.Tokenizer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Continuous batching: the sequences of a session share each step. A step decodes one token of every sequence whose
 * prompt has been read and reads a chunk of the prompts that have not; a finished sequence's slot goes to the next
 * request at once. A text depends on its request alone. Belongs to one thread.
 */
public final class Scheduler {
    private final Session session;
    private final Tokenizer tokenizer;
    private final Deque<Sequence> waiting = new ArrayDeque<>();
    private final List<Sequence> running = new ArrayList<>();
    private @Nullable StepInFlight inFlight;

    /** Holds what the prompts share; -1 for none. */
    private int prefixSlot = -1;

    /** A step that the device has, and whose sequences its output rows belong to. */
    private record StepInFlight(Session.Submitted step, List<Sequence> outputs) {}

    public Scheduler(Session session, Tokenizer tokenizer) {
        this.session = session;
        this.tokenizer = tokenizer;
    }

    /**
     * Reads what many prompts begin with, once, into the session's last slot, which then serves nothing else: later
     * prompts get copies of as much of it as they share.
     *
     * @param prefix shorter than those prompts, so that each has something left to compute
     * @throws IllegalStateException if the session has one slot, or requests were queued before
     */
    public void sharePrefix(TokenIds prefix) {
        int slot = session.options().slots() - 1;
        if (slot == 0 || prefixSlot >= 0 || pending() > 0) {
            throw new IllegalStateException("a prefix needs a slot of its own, before anything else runs");
        }
        prefixSlot = slot;
        int[] ids = prefix.toArray();
        for (int from = 0; from < ids.length; from += session.options().prefillChunk()) {
            session.begin();
            session.add(
                    slot,
                    ids,
                    from,
                    Math.min(ids.length, from + session.options().prefillChunk()),
                    false);
            session.run();
        }
    }

    /**
     * Queues a request; {@code listener} hears of it during {@link #step}.
     *
     * @throws UsageException if the prompt does not fit the context
     */
    public Generation submit(GenerationRequest request, Consumer<GenerationEvent> listener) {
        int contextSize = session.options().contextSize();
        if (request.prompt().size() > contextSize) {
            throw new UsageException("prompt: expected at most " + contextSize + " tokens (the context size), got "
                    + request.prompt().size() + "; use a larger --ctx-size or a shorter prompt");
        }
        Sequence sequence = new Sequence(
                request,
                listener,
                new Sampler(request.sampling(), request.id(), session.candidates()),
                SequenceText.of(request, tokenizer));
        waiting.add(sequence);
        return sequence.handle();
    }

    /** Requests that are queued or running. */
    public int pending() {
        return waiting.size() + running.size();
    }

    /** Requests that are queued: keep a few here, so that a free slot is taken at once. */
    public int queued() {
        return waiting.size();
    }

    /** Runs until every request has finished. */
    public void runAll() {
        while (pending() > 0) {
            step();
        }
    }

    /** Runs one step, if there is anything to do. */
    public void step() {
        StepInFlight current = inFlight;
        if (current == null) {
            dropCancelled();
            admit();
            if (running.isEmpty()) {
                return;
            }
            current = submitPlanned();
        }
        inFlight = mayRunAhead(current.outputs()) ? submitAhead(current.outputs()) : null;
        session.await(current.step());
        running.stream().filter(Sequence::isPrefilling).forEach(Sequence::reportPrompt);
        for (int row = 0; row < current.outputs().size(); row++) {
            Sequence sequence = current.outputs().get(row);
            if (running.contains(sequence)) {
                advance(sequence, row);
            }
        }
    }

    private void advance(Sequence sequence, int row) {
        FinishReason reason = sequence.advance(session, row);
        if (reason != null) {
            running.remove(sequence);
            sequence.finish(reason);
        }
    }

    /** One token of every decoding sequence and one chunk of prompt in all. */
    private StepInFlight submitPlanned() {
        session.begin();
        List<Sequence> outputs = new ArrayList<>();
        int promptRows = session.options().prefillChunk();
        for (Sequence sequence : running) {
            if (!sequence.isPrefilling()) {
                sequence.addToken(session);
                outputs.add(sequence);
            } else if (promptRows > 0) {
                promptRows -= sequence.addPrompt(session, promptRows);
                if (!sequence.isPrefilling()) {
                    outputs.add(sequence);
                }
            }
        }
        return submit(outputs);
    }

    /**
     * Whether the next step can be encoded while the current one runs: every sequence goes on from the argmax, which the
     * device has, and none waits for a free slot. A sequence that then turns out to have ended has one step too many in
     * flight, which does no harm.
     */
    private boolean mayRunAhead(List<Sequence> outputs) {
        return session.runsAhead()
                && outputs.equals(running)
                && (waiting.isEmpty() || running.size() == usableSlots())
                && running.stream()
                        .allMatch(
                                sequence -> sequence.needs() == StepResult.ARGMAX && sequence.goesOnAfterNext(session));
    }

    private StepInFlight submitAhead(List<Sequence> outputs) {
        session.begin();
        for (int row = 0; row < outputs.size(); row++) {
            outputs.get(row).addTokenInFlight(session, row);
        }
        return submit(outputs);
    }

    private StepInFlight submit(List<Sequence> outputs) {
        boolean candidates = outputs.stream().anyMatch(sequence -> sequence.needs() == StepResult.CANDIDATES);
        return new StepInFlight(session.submit(candidates ? StepResult.CANDIDATES : StepResult.ARGMAX), outputs);
    }

    private void dropCancelled() {
        dropCancelled(running.iterator());
        dropCancelled(waiting.iterator());
    }

    private static void dropCancelled(Iterator<Sequence> sequences) {
        while (sequences.hasNext()) {
            Sequence sequence = sequences.next();
            if (sequence.handle().isCancelled()) {
                sequences.remove();
                sequence.finish(FinishReason.CANCELLED);
            }
        }
    }

    private void admit() {
        while (!waiting.isEmpty() && running.size() < usableSlots()) {
            Sequence sequence = waiting.remove();
            TokenIds prompt = sequence.request().prompt();
            int slot = bestFreeSlot(prompt);
            int reused = session.reusable(slot, prompt);
            int shared = prefixSlot < 0 ? 0 : session.reusable(prefixSlot, prompt);
            if (shared > reused) {
                session.fork(prefixSlot, slot, shared);
                reused = shared;
            } else {
                session.rewind(slot, reused);
            }
            sequence.start(slot, reused);
            running.add(sequence);
        }
    }

    /** The free slot that saves most of the prompt. */
    private int bestFreeSlot(TokenIds prompt) {
        int best = -1;
        for (int slot = 0; slot < session.options().slots(); slot++) {
            if (isFree(slot) && (best < 0 || session.reusable(slot, prompt) > session.reusable(best, prompt))) {
                best = slot;
            }
        }
        return best;
    }

    private int usableSlots() {
        return session.options().slots() - (prefixSlot < 0 ? 0 : 1);
    }

    private boolean isFree(int slot) {
        return slot != prefixSlot && running.stream().noneMatch(sequence -> sequence.slot() == slot);
    }
}
