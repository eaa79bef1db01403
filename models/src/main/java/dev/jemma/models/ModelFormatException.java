package dev.jemma.models;

/** A checkpoint is missing something or says something Jemma does not run. Messages read: where: what; what to do. */
public class ModelFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ModelFormatException(String message) {
        super(message);
    }

    public ModelFormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
