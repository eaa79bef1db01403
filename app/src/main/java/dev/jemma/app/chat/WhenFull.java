package dev.jemma.app.chat;

/** What happens when the context has no room for more. */
public enum WhenFull {
    /** The user says; without one it is as {@link #STOP}. */
    ASK,
    /** The oldest turns are dropped. */
    DROP,
    /** The message is refused, or the answer ends. */
    STOP
}
