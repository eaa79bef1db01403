package dev.jemma.models.chat;

import java.util.List;

/**
 * Turns of another family than Gemma: the model runs on raw prompts only.
 *
 * @param where the template
 */
record UnknownFormat(String where) implements TurnFormat {
    @Override
    public String name() {
        return "unknown";
    }

    @Override
    public List<String> requiredTokens() {
        return List.of();
    }

    @Override
    public List<String> stopTokens() {
        return List.of();
    }

    @Override
    public boolean hasSystem() {
        return true;
    }

    @Override
    public boolean canThink() {
        return false;
    }

    @Override
    public void write(List<Message> messages, Options options, Prompt prompt) {
        throw new ConversationException(
                where + ": writes neither <start_of_turn> nor <|turn>, so Jemma cannot render a conversation with it;"
                        + " give the model raw prompts");
    }
}
