package dev.jemma.engine;

import java.util.SplittableRandom;

/** Measures a session's steps alone: no tokenizer, no sampling but the argmax that is part of each step. */
public final class Throughput {
    private final Session session;
    private final int[] tokens;

    /** @param vocabSize ids are drawn from all of it, so that embedding rows are read as in real text */
    public Throughput(Session session, int vocabSize) {
        this.session = session;
        SplittableRandom random = new SplittableRandom(20261121);
        tokens = random.ints(session.options().contextSize(), 0, vocabSize).toArray();
    }

    /** Nanoseconds to read {@code count} prompt tokens of each of {@code sequences}, behind {@code depth} others. */
    public long prefillNanos(int count, int depth, int sequences) {
        fill(sequences, depth);
        long start = System.nanoTime();
        for (int slot = 0; slot < sequences; slot++) {
            prefill(slot, depth, depth + count);
        }
        return System.nanoTime() - start;
    }

    /**
     * Nanoseconds for {@code count} steps that each decode one token of {@code sequences} sequences, behind {@code depth}
     * others, at least one. A device that runs beside the host is given a step while it runs the one before, as when a
     * text is generated greedily.
     */
    public long decodeNanos(int count, int depth, int sequences) {
        int first = Math.max(1, depth);
        fill(sequences, first);
        Session.Submitted running = null;
        long start = System.nanoTime();
        for (int position = first; position < first + count; position++) {
            session.begin();
            for (int slot = 0; slot < sequences; slot++) {
                session.addDecode(slot, tokens[position]);
            }
            Session.Submitted next = session.submit(StepResult.ARGMAX);
            if (running != null) {
                session.await(running);
            }
            running = next;
        }
        if (running != null) {
            session.await(running);
        }
        return System.nanoTime() - start;
    }

    private void fill(int sequences, int depth) {
        for (int slot = 0; slot < sequences; slot++) {
            session.rewind(slot, 0);
            prefill(slot, 0, depth);
        }
    }

    private void prefill(int slot, int from, int to) {
        for (int start = from; start < to; start += session.options().prefillChunk()) {
            int end = Math.min(to, start + session.options().prefillChunk());
            session.begin();
            session.add(slot, tokens, start, end, end == to);
            session.run();
        }
    }
}
