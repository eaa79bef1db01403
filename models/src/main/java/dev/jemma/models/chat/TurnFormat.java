package dev.jemma.models.chat;

import java.util.List;

/** How a family writes turns. The texts are those of the published templates. */
sealed interface TurnFormat permits StartOfTurnFormat, TurnBarFormat, UnknownFormat {
    /** What to call it in reports. */
    String name();

    /** Control tokens without which the format cannot be written. */
    List<String> requiredTokens();

    /** Tokens with which the model gives the floor back; those a tokenizer lacks are passed over. */
    List<String> stopTokens();

    boolean hasSystem();

    boolean canThink();

    /** @throws ConversationException if the format cannot express the messages */
    void write(List<Message> messages, Options options, Prompt prompt);

    /** Jinja's {@code trim}, which is Python's {@code str.strip()}: more characters than {@link String#strip}. */
    static String trim(String text) {
        int start = 0;
        int end = text.length();
        while (start < end && isPythonSpace(text.charAt(start))) {
            start++;
        }
        while (end > start && isPythonSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(start, end);
    }

    private static boolean isPythonSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
    }
}
