package dev.jemma.app.generate;

import dev.jemma.engine.UsageException;
import org.jspecify.annotations.Nullable;

/** A file of prompts, one after another. */
interface PromptSource {
    /**
     * The next prompt; null at the end.
     *
     * @throws UsageException if this one cannot be used; the one after it may
     */
    @Nullable
    BatchPrompt next();

    /** Line, from 1, on which the newest prompt begins. */
    long line();
}
