package dev.jemma.models.chat;

/** Who speaks. */
public enum Role {
    /** Instructions for the whole conversation; first, if at all. */
    SYSTEM,
    USER,
    /** The model; templates call it {@code model}. */
    ASSISTANT
}
