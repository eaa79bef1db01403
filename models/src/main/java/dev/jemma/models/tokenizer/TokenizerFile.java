package dev.jemma.models.tokenizer;

import dev.jemma.models.ModelFormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * The parts of a {@code tokenizer.json} that Jemma reads itself; the native library reads the rest.
 *
 * <p>Streams over the bytes: Gemma 3's file has 33 MB, and only a quarter of it is wanted here.
 */
final class TokenizerFile {
    /** Far above any vocabulary; a hostile id must not size an array. */
    private static final int MAX_ID = 1 << 24;

    private static final JsonFactory JSON = new JsonFactory();

    /**
     * Gemma's decoder, as written by every export: spaces back, byte tokens to text, all joined. {@link StreamDecoder}
     * does the same.
     */
    private static final List<String> DECODER =
            List.of("type=Sequence", "type=Replace", "String=\u2581", "content= ", "type=ByteFallback", "type=Fuse");

    private final Path path;
    private final byte[] bytes;
    private final List<AddedToken> addedTokens = new ArrayList<>();
    private int addedStart;
    private int addedEnd;

    /** An entry of {@code added_tokens} and where it lies in the file: {@code [start, end)}. */
    private record AddedToken(int id, String content, boolean special, int start, int end) {
        boolean isControl() {
            return special || Vocabulary.isAlwaysControl(content);
        }
    }

    private TokenizerFile(Path path, byte[] bytes) {
        this.path = path;
        this.bytes = bytes;
        readAddedTokens();
    }

    /** @throws ModelFormatException if there is no such file or it is not a tokenizer.json */
    static TokenizerFile read(Path path) {
        try {
            return new TokenizerFile(path, Files.readAllBytes(path));
        } catch (NoSuchFileException e) {
            throw new ModelFormatException(
                    path + ": missing; Jemma reads the tokenizer.json that lies beside a checkpoint's weights"
                            + " (a tokenizer.model alone can be converted with Hugging Face transformers)",
                    e);
        } catch (IOException e) {
            throw new ModelFormatException(path + ": unreadable: " + e.getMessage(), e);
        }
    }

    /**
     * The BPE over everything but control tokens, whose strings are to it text like any other.
     *
     * @throws ModelFormatException if the native library refuses the file
     */
    NativeTokenizer textTokenizer() {
        try {
            return new NativeTokenizer(withoutControlTokens());
        } catch (NativeTokenizer.RefusedException e) {
            throw broken(String.valueOf(e.getMessage()), e);
        }
    }

    private String withoutControlTokens() {
        ByteArrayOutputStream kept = new ByteArrayOutputStream(bytes.length);
        kept.write(bytes, 0, addedStart);
        char separator = '[';
        for (AddedToken token : addedTokens) {
            if (!token.isControl()) {
                kept.write(separator);
                kept.write(bytes, token.start(), token.end() - token.start());
                separator = ',';
            }
        }
        kept.writeBytes((separator == '[' ? "[]" : "]").getBytes(StandardCharsets.US_ASCII));
        kept.write(bytes, addedEnd, bytes.length - addedEnd);
        return kept.toString(StandardCharsets.UTF_8);
    }

    private void readAddedTokens() {
        try (JsonParser parser = topLevel()) {
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                if (name.equals("added_tokens") && value == JsonToken.START_ARRAY) {
                    addedStart = offset(parser.currentTokenLocation().getByteOffset());
                    while (parser.nextToken() == JsonToken.START_OBJECT) {
                        addedTokens.add(addedToken(parser));
                    }
                    addedEnd = offset(parser.currentLocation().getByteOffset());
                    return;
                }
                parser.skipChildren();
            }
        } catch (JacksonException e) {
            throw broken(e.getOriginalMessage(), e);
        }
        throw broken("it has no \"added_tokens\"", null);
    }

    private AddedToken addedToken(JsonParser parser) {
        int start = offset(parser.currentTokenLocation().getByteOffset());
        int id = -1;
        String content = "";
        boolean special = false;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (name) {
                case "id" -> id = parser.getIntValue();
                case "content" -> content = parser.getString();
                case "special" -> special = value == JsonToken.VALUE_TRUE;
                default -> parser.skipChildren();
            }
        }
        AddedToken token = new AddedToken(
                id, content, special, start, offset(parser.currentLocation().getByteOffset()));
        if (token.isControl() && content.codePointCount(0, content.length()) < 2) {
            // Text that is one control token could not be told from it.
            throw broken("control token " + id + " is \"" + content + "\", expected two characters or more", null);
        }
        return token;
    }

    /** @throws ModelFormatException unless the file describes a BPE and a decoder like Gemma's */
    Vocabulary vocabulary() {
        TokenList tokens = new TokenList();
        boolean model = false;
        boolean decoder = false;
        try (JsonParser parser = topLevel()) {
            // The merges, two thirds of the file, come last: not read when all else is known.
            while (!(model && decoder) && parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                switch (name) {
                    case "model" -> model = readModel(parser, tokens, decoder);
                    case "decoder" -> decoder = checkDecoder(parser);
                    default -> parser.skipChildren();
                }
            }
        } catch (JacksonException e) {
            throw broken(e.getOriginalMessage(), e);
        }
        if (!model || !decoder) {
            throw broken("it has no \"" + (model ? "decoder" : "model") + "\"", null);
        }
        BitSet special = new BitSet();
        for (AddedToken token : addedTokens) {
            tokens.put(token.id(), token.content());
            special.set(token.id(), token.special());
        }
        return new Vocabulary(tokens.toArray(), special);
    }

    private boolean readModel(JsonParser parser, TokenList tokens, boolean mayStop) {
        boolean byteFallback = false;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (name) {
                case "type" -> {
                    if (!"BPE".equals(parser.getString())) {
                        throw broken("model type " + parser.getString() + ", expected BPE", null);
                    }
                }
                case "byte_fallback" -> byteFallback = value == JsonToken.VALUE_TRUE;
                case "vocab" -> {
                    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                        String token = parser.currentName();
                        parser.nextToken();
                        tokens.put(parser.getIntValue(), token);
                    }
                    if (mayStop && byteFallback) {
                        return true;
                    }
                }
                default -> parser.skipChildren();
            }
        }
        if (!byteFallback) {
            throw broken("byte_fallback is off, expected on as in every Gemma tokenizer", null);
        }
        return true;
    }

    private boolean checkDecoder(JsonParser parser) {
        List<String> found = new ArrayList<>();
        int depth = 0;
        do {
            JsonToken token = parser.currentToken();
            depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
            if (token.isScalarValue()) {
                found.add(parser.currentName() + "=" + parser.getString());
            }
        } while (depth > 0 && parser.nextToken() != null);
        if (!found.equals(DECODER)) {
            throw broken("decoder " + found + ", expected Gemma's " + DECODER, null);
        }
        return true;
    }

    private JsonParser topLevel() {
        JsonParser parser = JSON.createParser(ObjectReadContext.empty(), bytes);
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw broken("it is not a JSON object", null);
        }
        return parser;
    }

    private ModelFormatException broken(String reason, @Nullable Throwable cause) {
        String message = path + ": not a Gemma tokenizer: " + reason + "; fetch the file again";
        return cause == null ? new ModelFormatException(message) : new ModelFormatException(message, cause);
    }

    private static int offset(long byteOffset) {
        return Math.toIntExact(byteOffset);
    }

    /** Tokens by id; grows. */
    private final class TokenList {
        private @Nullable String[] tokens = new String[1 << 14];
        private final BitSet bytes = new BitSet(256);
        private int size;

        void put(int id, String token) {
            if (id < 0 || id > MAX_ID) {
                throw broken("token \"" + token + "\" has id " + id + ", expected 0 to " + MAX_ID, null);
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

        @Nullable
        String[] toArray() {
            if (bytes.cardinality() != 256) {
                String missing = "<0x%02X>".formatted(bytes.nextClearBit(0));
                throw broken("no token " + missing + ", expected one for every byte", null);
            }
            return Arrays.copyOf(tokens, size);
        }
    }
}
