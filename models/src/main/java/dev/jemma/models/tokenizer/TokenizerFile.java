package dev.jemma.models.tokenizer;

import dev.jemma.models.ModelFormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * A {@code tokenizer.json}: its vocabulary, and the parts of it that the native library needs, checked.
 *
 * <p>The library aborts the process over some of the values it does not like. It gets a file put together here, from
 * sections whose syntax has been read and fields that have Gemma's values.
 */
final class TokenizerFile {
    private static final JsonFactory JSON = new JsonFactory();

    /**
     * Gemma's decoder, as written by every export: spaces back, byte tokens to text, all joined. {@link StreamDecoder}
     * does the same.
     */
    private static final List<String> DECODER =
            List.of("type=Sequence", "type=Replace", "String=\u2581", "content= ", "type=ByteFallback", "type=Fuse");

    private static final List<String> NEEDED =
            List.of("added_tokens", "decoder", "model", "model.byte_fallback", "model.vocab", "model.merges");

    private final Path path;
    private final byte[] bytes;
    private final Map<String, Section> sections = new HashMap<>();
    private final List<AddedToken> addedTokens = new ArrayList<>();
    private final VocabularyBuilder vocabulary = new VocabularyBuilder(this::broken);

    /** Where a value lies in the file: {@code [start, end)}. */
    private record Section(int start, int end) {}

    /** An entry of {@code added_tokens}. */
    record AddedToken(int id, String content, boolean special, int start, int end) {
        boolean isControl() {
            return special || Vocabulary.isAlwaysControl(content);
        }
    }

    private TokenizerFile(Path path, byte[] bytes) {
        this.path = path;
        this.bytes = bytes;
    }

    /** @throws ModelFormatException if there is no such file or it is not a Gemma tokenizer */
    static TokenizerFile read(Path path) {
        try {
            TokenizerFile file = new TokenizerFile(path, Files.readAllBytes(path));
            file.readSections();
            return file;
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
            return new NativeTokenizer(forTexts());
        } catch (NativeTokenizer.RefusedException e) {
            throw broken(String.valueOf(e.getMessage()), e);
        }
    }

    /** Without truncation, padding and BOS, and without a decoder: {@link StreamDecoder} is that. */
    private String forTexts() {
        ByteArrayOutputStream json = new ByteArrayOutputStream(bytes.length);
        append(
                json,
                "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"post_processor\":null,\"decoder\":null");
        append(json, ",\"normalizer\":");
        appendSection(json, "normalizer");
        append(json, ",\"pre_tokenizer\":");
        appendSection(json, "pre_tokenizer");
        append(
                json,
                ",\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":\"<unk>\",\"continuing_subword_prefix\":null,"
                        + "\"end_of_word_suffix\":null,\"fuse_unk\":true,\"byte_fallback\":true,\"ignore_merges\":false,\"vocab\":");
        appendSection(json, "model.vocab");
        append(json, ",\"merges\":");
        appendSection(json, "model.merges");
        append(json, "}");
        append(json, ",\"added_tokens\":[");
        String separator = "";
        for (AddedToken token : addedTokens) {
            if (!token.isControl()) {
                append(json, separator);
                json.write(bytes, token.start(), token.end() - token.start());
                separator = ",";
            }
        }
        append(json, "]}");
        return json.toString(StandardCharsets.UTF_8);
    }

    private void appendSection(ByteArrayOutputStream json, String name) {
        Section section = sections.get(name);
        if (section == null) {
            append(json, "null");
        } else {
            json.write(bytes, section.start(), section.end() - section.start());
        }
    }

    private static void append(ByteArrayOutputStream json, String ascii) {
        json.writeBytes(ascii.getBytes(StandardCharsets.US_ASCII));
    }

    Vocabulary vocabulary() {
        return vocabulary.withAdded(addedTokens);
    }

    private void readSections() {
        try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), bytes)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw broken("it is not a JSON object");
            }
            readProperties("", parser);
            if (parser.nextToken() != null) {
                throw broken("something follows its last brace");
            }
        } catch (JacksonException e) {
            throw broken(e.getOriginalMessage(), e);
        }
        for (String needed : NEEDED) {
            if (!sections.containsKey(needed)) {
                throw broken("it has no \"" + needed + "\"");
            }
        }
    }

    private void readProperties(String prefix, JsonParser parser) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = prefix + parser.currentName();
            JsonToken value = parser.nextToken();
            int start = offset(parser.currentTokenLocation().getByteOffset());
            readValue(name, value, parser);
            if (value != JsonToken.VALUE_NULL) {
                sections.put(
                        name, new Section(start, offset(parser.currentLocation().getByteOffset())));
            }
        }
    }

    private void readValue(String name, JsonToken value, JsonParser parser) {
        switch (name) {
            case "added_tokens" -> {
                while (parser.nextToken() == JsonToken.START_OBJECT) {
                    addedTokens.add(addedToken(parser));
                }
            }
            case "decoder" -> check(name, scalars(parser), DECODER);
            case "model" -> readProperties("model.", parser);
            case "model.type" -> check(name, scalars(parser), List.of("type=BPE"));
            case "model.byte_fallback" -> check(name, scalars(parser), List.of("byte_fallback=true"));
            case "model.ignore_merges" -> check(name, scalars(parser), List.of("ignore_merges=false"));
            case "model.dropout", "model.continuing_subword_prefix", "model.end_of_word_suffix" -> {
                if (value != JsonToken.VALUE_NULL) {
                    throw broken(name + " " + scalars(parser) + ", expected null");
                }
            }
            case "model.vocab" -> vocabulary.readVocab(parser);
            default -> parser.skipChildren();
        }
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
            throw broken("control token " + id + " is \"" + content + "\", expected two characters or more");
        }
        return token;
    }

    private void check(String name, List<String> found, List<String> expected) {
        if (!found.equals(expected)) {
            throw broken(name + " " + found + ", expected Gemma's " + expected);
        }
    }

    /** The scalars in a value, with their names, in order. */
    private static List<String> scalars(JsonParser parser) {
        List<String> found = new ArrayList<>();
        int depth = 0;
        do {
            JsonToken token = parser.currentToken();
            depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
            if (token.isScalarValue()) {
                found.add(parser.currentName() + "=" + parser.getString());
            }
        } while (depth > 0 && parser.nextToken() != null);
        return found;
    }

    private ModelFormatException broken(String reason) {
        return new ModelFormatException(message(reason));
    }

    private ModelFormatException broken(String reason, Throwable cause) {
        return new ModelFormatException(message(reason), cause);
    }

    private String message(String reason) {
        return path + ": not a Gemma tokenizer: " + reason + "; fetch the file again";
    }

    private static int offset(long byteOffset) {
        return Math.toIntExact(byteOffset);
    }
}
