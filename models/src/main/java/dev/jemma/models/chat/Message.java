package dev.jemma.models.chat;

/**
 * One turn of a conversation.
 *
 * @param content plain text; whatever it says, it never becomes a control token
 */
public record Message(Role role, String content) {}
