package dev.jemma.models.tokenizer;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Token strings by id, and which of them are control tokens. */
final class Vocabulary {
    /** U+2581, which stands for a space inside tokens. */
    static final char SPACE = '\u2581';

    /**
     * Control tokens whatever the file says: some exports list turn tokens without flagging them special, Gemma 1's
     * has them in the vocabulary only.
     */
    private static final Set<String> ALWAYS_CONTROL = Set.of(
            "<pad>",
            "<eos>",
            "<bos>",
            "<start_of_turn>",
            "<end_of_turn>",
            "<start_of_image>",
            "<end_of_image>",
            "<image_soft_token>",
            "<start_of_audio>",
            "<end_of_audio>",
            "<audio_soft_token>",
            "<|turn>",
            "<turn|>",
            "<|channel>",
            "<channel|>",
            "<|think|>",
            "<|tool>",
            "<tool|>",
            "<|tool_call>",
            "<tool_call|>",
            "<|tool_response>",
            "<tool_response|>",
            "<|\"|>",
            "<|image>",
            "<image|>",
            "<|image|>",
            "<|audio>",
            "<audio|>",
            "<|audio|>",
            "<|video|>");

    private final @Nullable String[] tokens;
    private final BitSet control = new BitSet();
    private final Map<String, Integer> controlIds = new HashMap<>();

    /**
     * @param tokens by id; null where an id is unused
     * @param special ids flagged special in the file
     */
    Vocabulary(@Nullable String[] tokens, BitSet special) {
        this.tokens = tokens;
        for (int id = 0; id < tokens.length; id++) {
            String token = tokens[id];
            if (token != null && (special.get(id) || ALWAYS_CONTROL.contains(token))) {
                control.set(id);
                controlIds.put(token, id);
            }
        }
    }

    static boolean isAlwaysControl(String token) {
        return ALWAYS_CONTROL.contains(token);
    }

    /** One past the largest id. */
    int size() {
        return tokens.length;
    }

    @Nullable
    String token(int id) {
        return id >= 0 && id < tokens.length ? tokens[id] : null;
    }

    boolean isControl(int id) {
        return id >= 0 && control.get(id);
    }

    OptionalInt id(String token) {
        Integer controlId = controlIds.get(token);
        if (controlId != null) {
            return OptionalInt.of(controlId);
        }
        // Asked for a handful of tokens per process: a map of 262144 entries would cost more than it saves.
        int id = Arrays.asList(tokens).lastIndexOf(token);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** Matches any control token; where several begin at one place, the longest. */
    Pattern controlPattern() {
        return Pattern.compile(controlIds.keySet().stream()
                .sorted(Comparator.comparingInt(String::length).reversed())
                .map(Pattern::quote)
                .collect(Collectors.joining("|")));
    }
}
