package dev.jemma.models.chat;

import java.util.List;

/**
 * Gemma 2 and 3: {@code <start_of_turn>user\n...<end_of_turn>\n}. User and model alternate.
 *
 * @param foldsSystem Gemma 3 puts a system prompt before the first user message, inside its turn; Gemma 2 has none
 */
record StartOfTurnFormat(boolean foldsSystem) implements TurnFormat {
    private static final String START = "<start_of_turn>";
    private static final String END = "<end_of_turn>";

    @Override
    public String name() {
        return foldsSystem ? "Gemma 3" : "Gemma 2";
    }

    @Override
    public List<String> requiredTokens() {
        return List.of(START, END);
    }

    @Override
    public List<String> stopTokens() {
        return List.of(END);
    }

    @Override
    public boolean hasSystem() {
        return foldsSystem;
    }

    @Override
    public boolean canThink() {
        return false;
    }

    @Override
    public void write(List<Message> messages, Options options, Prompt prompt) {
        boolean system = messages.getFirst().role() == Role.SYSTEM;
        List<Message> turns = messages.subList(system ? 1 : 0, messages.size());
        checkAlternation(turns);
        String prefix = system ? messages.getFirst().content() + "\n\n" : "";
        for (Message turn : turns) {
            prompt.control(START)
                    .text(turn.role() == Role.USER ? "user\n" : "model\n")
                    .text(prefix)
                    .content(turn, TurnFormat.trim(turn.content()))
                    .control(END)
                    .text("\n");
            prefix = "";
        }
        if (options.addGenerationPrompt()) {
            prompt.control(START).text("model\n");
        }
    }

    private static void checkAlternation(List<Message> turns) {
        if (turns.isEmpty()) {
            throw new ConversationException("messages: only a system prompt, expected a user message after it");
        }
        for (int i = 0; i < turns.size(); i++) {
            Role expected = i % 2 == 0 ? Role.USER : Role.ASSISTANT;
            if (turns.get(i).role() != expected) {
                throw new ConversationException(
                        "messages: turn " + (i + 1) + " is by " + turns.get(i).role() + ", expected " + expected
                                + ": with this model, user and assistant alternate");
            }
        }
    }
}
