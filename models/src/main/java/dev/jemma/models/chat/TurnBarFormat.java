package dev.jemma.models.chat;

import java.util.List;

/**
 * Gemma 4: {@code <|turn>user\n...<turn|>\n}, with a system turn and a channel for thoughts. The published templates
 * of its sizes and revisions differ in the components.
 *
 * @param think what turns thinking on, at the start of the system turn
 * @param stripsThoughts model turns lose their {@code <|channel>...<channel|>} spans
 * @param emptyThought without thinking, an empty thought channel opens the answer (12B, 26B and 31B; not E2B and E4B)
 * @param emptyThoughtInHistory and earlier model turns have it too (later revisions of 12B)
 */
record TurnBarFormat(Think think, boolean stripsThoughts, boolean emptyThought, boolean emptyThoughtInHistory)
        implements TurnFormat {
    static final String CHANNEL = "<|channel>";
    static final String CHANNEL_END = "<channel|>";
    private static final String START = "<|turn>";
    private static final String END = "<turn|>";
    private static final String THINK = "<|think|>";

    /** How a template asks for thoughts. */
    enum Think {
        NEVER,
        /** The first release's {@code <|think|>}, directly before the system prompt. */
        MARK,
        /** {@code <|think|>\n} of later revisions. */
        MARK_AND_NEWLINE
    }

    @Override
    public String name() {
        return "Gemma 4";
    }

    @Override
    public List<String> requiredTokens() {
        boolean channels = emptyThought || emptyThoughtInHistory;
        return canThink()
                ? List.of(START, END, CHANNEL, CHANNEL_END, THINK)
                : channels ? List.of(START, END, CHANNEL, CHANNEL_END) : List.of(START, END);
    }

    /** After a tool call the model opens the tool's response: Jemma runs no tools, so that ends the answer. */
    @Override
    public List<String> stopTokens() {
        return List.of(END, "<|tool_response>");
    }

    @Override
    public boolean hasSystem() {
        return true;
    }

    @Override
    public boolean canThink() {
        return think != Think.NEVER;
    }

    @Override
    public void write(List<Message> messages, Options options, Prompt prompt) {
        boolean system = messages.getFirst().role() == Role.SYSTEM;
        List<Message> turns = messages.subList(system ? 1 : 0, messages.size());
        if (system || options.thinking()) {
            prompt.control(START).text("system\n");
            if (options.thinking()) {
                prompt.control(THINK).text(think == Think.MARK_AND_NEWLINE ? "\n" : "");
            }
            prompt.text(system ? TurnFormat.trim(messages.getFirst().content()) : "")
                    .control(END)
                    .text("\n");
        }
        Role previous = Role.SYSTEM;
        for (Message turn : turns) {
            if (turn.role() == Role.ASSISTANT && previous == Role.ASSISTANT) {
                // Revisions disagree: one turn joined by a newline, one joined by nothing, or two turns.
                throw new ConversationException(
                        "messages: two answers of the assistant in a row, expected a user message" + " between them");
            }
            writeTurn(turn, options, prompt);
            previous = turn.role();
        }
        if (options.addGenerationPrompt()) {
            prompt.control(START).text("model\n");
            writeEmptyThought(emptyThought && !options.thinking(), prompt);
        }
    }

    private void writeTurn(Message turn, Options options, Prompt prompt) {
        prompt.control(START)
                .text(
                        switch (turn.role()) {
                            case SYSTEM -> "system\n";
                            case USER -> "user\n";
                            case ASSISTANT -> "model\n";
                        });
        boolean model = turn.role() == Role.ASSISTANT;
        writeEmptyThought(model && emptyThoughtInHistory && !options.thinking(), prompt);
        String content = model && stripsThoughts ? withoutThoughts(turn.content()) : turn.content();
        prompt.content(turn, TurnFormat.trim(content)).control(END).text("\n");
    }

    private static void writeEmptyThought(boolean wanted, Prompt prompt) {
        if (wanted) {
            prompt.control(CHANNEL).text("thought\n").control(CHANNEL_END);
        }
    }

    /** The templates' {@code strip_thinking}: of every piece that an end mark closes, what precedes the start mark. */
    static String withoutThoughts(String content) {
        StringBuilder kept = new StringBuilder();
        for (String piece : content.split(java.util.regex.Pattern.quote(CHANNEL_END), -1)) {
            int thought = piece.indexOf(CHANNEL);
            kept.append(thought < 0 ? piece : piece.substring(0, thought));
        }
        return kept.toString();
    }
}
