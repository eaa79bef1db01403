package dev.jemma.models.tokenizer;

import dev.jemma.models.ModelFormatException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/** Collects tokens by id. */
final class VocabularyBuilder {
    /** Far above any vocabulary; a hostile id must not size an array. */
    private static final int MAX_ID = 1 << 24;

    private final Function<String, ModelFormatException> broken;
    private final BitSet bytes = new BitSet(256);
    private @Nullable String[] tokens = new String[1 << 14];
    private int size;

    /** @param broken makes an exception of a reason */
    VocabularyBuilder(Function<String, ModelFormatException> broken) {
        this.broken = broken;
    }

    /**
     * @param addedTokens some of them may be missing from {@code vocab}
     * @throws ModelFormatException if not every byte has a token
     */
    Vocabulary withAdded(List<TokenizerFile.AddedToken> addedTokens) {
        BitSet special = new BitSet();
        for (TokenizerFile.AddedToken token : addedTokens) {
            put(token.id(), token.content());
            special.set(token.id(), token.special());
        }
        if (bytes.cardinality() != 256) {
            String missing = "<0x%02X>".formatted(bytes.nextClearBit(0));
            throw broken.apply("no token " + missing + ", expected one for every byte");
        }
        return new Vocabulary(Arrays.copyOf(tokens, size), special);
    }

    /** @param parser at the start of {@code vocab}, at its end afterwards */
    void readVocab(JsonParser parser) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String token = parser.currentName();
            parser.nextToken();
            put(parser.getIntValue(), token);
        }
    }

    private void put(int id, String token) {
        if (id < 0 || id > MAX_ID) {
            throw broken.apply("token \"" + token + "\" has id " + id + ", expected 0 to " + MAX_ID);
        }
        if (id >= tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.max(id + 1, 2 * tokens.length));
        }
        tokens[id] = token;
        size = Math.max(size, id + 1);
        // Gemma 2 has a token for the tab itself and none for its byte.
        int value = token.length() == 1 ? token.charAt(0) : StreamDecoder.byteValue(token);
        if (value >= 0 && value < (token.length() == 1 ? 128 : 256)) {
            bytes.set(value);
        }
    }
}
