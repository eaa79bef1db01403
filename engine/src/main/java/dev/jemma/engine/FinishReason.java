package dev.jemma.engine;

/** Why a text ended. */
public enum FinishReason {
    /** The model wrote a token that ends its turn or the text. */
    STOP_TOKEN("stop"),
    /** A stop string came up. */
    STOP_STRING("stop_string"),
    /** As many tokens as were asked for. */
    MAX_TOKENS("length"),
    /** The context holds no more positions. */
    CONTEXT_FULL("context_full"),
    /** Whoever asked for it did not want more. */
    CANCELLED("cancelled");

    private final String label;

    FinishReason(String label) {
        this.label = label;
    }

    /** Name in JSON output. */
    public String label() {
        return label;
    }
}
