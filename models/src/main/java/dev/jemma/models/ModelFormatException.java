package dev.jemma.models;

/**
 * A checkpoint that cannot be used: malformed, incomplete, contradictory, or of a kind that Jemma does not compute.
 * Messages read <i>where: what; expected X, got Y; what to do</i>.
 */
public final class ModelFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ModelFormatException(String message) {
        super(message);
    }

    public ModelFormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
