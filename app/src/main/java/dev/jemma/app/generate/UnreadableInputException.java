package dev.jemma.app.generate;

/** Input that cannot be read any further, as opposed to one prompt of it that cannot be used. */
final class UnreadableInputException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UnreadableInputException(String message, Throwable cause) {
        super(message, cause);
    }
}
