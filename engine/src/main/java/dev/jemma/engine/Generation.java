package dev.jemma.engine;

/** A request in the hands of a {@link Scheduler}. */
public final class Generation {
    private final String id;
    private volatile boolean cancelled;

    Generation(String id) {
        this.id = id;
    }

    public String id() {
        return id;
    }

    /** Ends the text before its next token. Any thread may call this. */
    public void cancel() {
        cancelled = true;
    }

    boolean isCancelled() {
        return cancelled;
    }
}
