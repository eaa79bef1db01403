package dev.jemma.models.chat;

/**
 * How to render a conversation.
 *
 * @param thinking let the model reason in a channel of its own before it answers
 * @param addGenerationPrompt open the model's turn at the end
 */
public record Options(boolean thinking, boolean addGenerationPrompt) {
    /** An answer without reasoning first. */
    public static final Options ANSWER = new Options(false, true);
}
