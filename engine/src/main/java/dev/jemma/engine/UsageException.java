package dev.jemma.engine;

/** What the user asked for cannot be done. Messages read: where: what; expected X, got Y; what to do. */
public final class UsageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public UsageException(String message) {
        super(message);
    }

    public UsageException(String message, Throwable cause) {
        super(message, cause);
    }
}
