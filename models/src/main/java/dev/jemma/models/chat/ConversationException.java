package dev.jemma.models.chat;

/** The messages are not a conversation that the model's template can express. */
public class ConversationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ConversationException(String message) {
        super(message);
    }
}
