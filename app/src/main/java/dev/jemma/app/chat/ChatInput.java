package dev.jemma.app.chat;

import org.jspecify.annotations.Nullable;

/** Where messages and commands come from. */
interface ChatInput extends AutoCloseable {
    /**
     * The next message or command, of one line or several.
     *
     * @return null at the end
     * @throws dev.jemma.engine.UsageException if it is no text; the one after it can be read
     */
    @Nullable
    String read();

    /**
     * Asks the user.
     *
     * @return the answer in lower case; null if nobody can be asked, or who was does not say
     */
    @Nullable
    String choose(String question);

    /** Whether a person sits at the other end. */
    boolean isInteractive();

    @Override
    void close();
}
