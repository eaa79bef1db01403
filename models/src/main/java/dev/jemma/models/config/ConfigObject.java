package dev.jemma.models.config;

import dev.jemma.models.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A JSON object of a configuration file with typed access. An absent key takes the default; a key that is there must
 * have the right type, and {@code null} counts as absent only where the accessor says so.
 */
final class ConfigObject {
    /** Overrides for every module of the largest model take up about 200 KB. */
    private static final long MAX_BYTES = 16 << 20;

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private final String where;
    private final JsonNode node;

    private ConfigObject(String where, JsonNode node) {
        this.where = where;
        this.node = node;
    }

    static ConfigObject read(Path file) {
        try {
            long size = Files.size(file);
            if (size > MAX_BYTES) {
                throw new ModelFormatException(
                        file + ": expected at most " + MAX_BYTES + " bytes, got " + size + "; download it again");
            }
            JsonNode node = MAPPER.readTree(Files.readAllBytes(file));
            if (!node.isObject()) {
                throw new ModelFormatException(file + ": expected a JSON object, got " + node.getNodeType());
            }
            return new ConfigObject(file.toString(), node);
        } catch (NoSuchFileException missing) {
            throw new ModelFormatException(
                    file + ": missing; this is not a checkpoint directory, or its download is incomplete", missing);
        } catch (IOException unreadable) {
            throw new ModelFormatException(file + ": cannot be read: " + unreadable.getMessage(), unreadable);
        } catch (JacksonException broken) {
            throw new ModelFormatException(
                    file + ": not valid JSON: " + broken.getOriginalMessage() + "; download it again", broken);
        }
    }

    /** Reads nothing, so that the next one is read without the 70 ms that the parser's classes take. */
    static void prepare() {
        MAPPER.readTree("{}");
    }

    static ConfigObject empty(String where) {
        return new ConfigObject(where, MAPPER.createObjectNode());
    }

    String where() {
        return where;
    }

    /** There, if only as {@code null}. */
    boolean has(String key) {
        return node.has(key);
    }

    boolean isNull(String key) {
        return node.has(key) && value(key).isNull();
    }

    Set<String> keys() {
        return Set.copyOf(node.propertyNames());
    }

    private JsonNode value(String key) {
        return node.path(key);
    }

    boolean isObject(String key) {
        return value(key).isObject();
    }

    /** A nested object; null if absent or {@code null}. */
    @Nullable
    ConfigObject object(String key) {
        if (!node.hasNonNull(key)) {
            return null;
        }
        if (!value(key).isObject()) {
            throw wrong(key, "an object");
        }
        return new ConfigObject(where + ": " + key, value(key));
    }

    /** A whole number from {@code min} to {@code max}. */
    int integer(String key, int defaultValue, int min, int max) {
        return has(key) ? requiredInteger(key, min, max) : defaultValue;
    }

    /** As {@link #integer}; null if absent or {@code null}. */
    @Nullable
    Integer optionalInteger(String key, int min, int max) {
        return node.hasNonNull(key) ? Integer.valueOf(requiredInteger(key, min, max)) : null;
    }

    int requiredInteger(String key, int min, int max) {
        JsonNode value = value(key);
        if (!value.isNumber()
                || value.asDouble() != Math.rint(value.asDouble())
                || !(value.asDouble() >= min && value.asDouble() <= max)) {
            throw wrong(key, "a whole number from " + min + " to " + max);
        }
        return (int) value.asDouble();
    }

    double positive(String key, double defaultValue) {
        if (!has(key)) {
            return defaultValue;
        }
        double number = value(key).isNumber() ? value(key).asDouble() : Double.NaN;
        if (!(number > 0 && number <= Float.MAX_VALUE)) {
            throw wrong(key, "a positive number");
        }
        return number;
    }

    /** A positive number, or 0 for {@code null}. */
    double positiveOrNone(String key, double defaultValue) {
        return isNull(key) ? 0 : positive(key, defaultValue);
    }

    /** A number from {@code min} to {@code max}; {@code null} counts as absent. */
    double number(String key, double defaultValue, double min, double max) {
        if (!node.hasNonNull(key)) {
            return defaultValue;
        }
        double number = value(key).isNumber() ? value(key).asDouble() : Double.NaN;
        if (!(number >= min && number <= max)) {
            throw wrong(key, "a number from " + min + " to " + max);
        }
        return number;
    }

    /** {@code null} counts as absent. */
    boolean flag(String key, boolean defaultValue) {
        if (!node.hasNonNull(key)) {
            return defaultValue;
        }
        if (!value(key).isBoolean()) {
            throw wrong(key, "true or false");
        }
        return value(key).booleanValue();
    }

    boolean isText(String key, String text) {
        return value(key).isString() && value(key).stringValue().equals(text);
    }

    boolean isFalse(String key) {
        return value(key).isBoolean() && !value(key).booleanValue();
    }

    /** Null if absent or {@code null}. */
    @Nullable
    String text(String key) {
        if (!node.hasNonNull(key)) {
            return null;
        }
        if (!value(key).isString()) {
            throw wrong(key, "a string");
        }
        return value(key).stringValue();
    }

    String text(String key, String defaultValue) {
        String text = text(key);
        return text == null ? defaultValue : text;
    }

    /** Null if absent or {@code null}. */
    @Nullable
    List<String> texts(String key) {
        if (!node.hasNonNull(key)) {
            return null;
        }
        List<String> texts = new ArrayList<>();
        if (value(key).isArray()) {
            value(key).forEach(element -> texts.add(element.isString() ? element.stringValue() : ""));
        }
        if (!value(key).isArray() || texts.contains("")) {
            throw wrong(key, "a list of strings");
        }
        return texts;
    }

    /** Token ids: one number or a list of them; empty if absent or {@code null}. */
    List<Integer> ids(String key) {
        if (!node.hasNonNull(key)) {
            return List.of();
        }
        JsonNode value = value(key);
        List<JsonNode> elements = new ArrayList<>();
        if (value.isArray()) {
            value.forEach(elements::add);
        } else {
            elements.add(value);
        }
        List<Integer> ids = new ArrayList<>();
        for (JsonNode element : elements) {
            if (!element.isInt() || element.intValue() < 0) {
                throw wrong(key, "a token id or a list of them");
            }
            ids.add(element.intValue());
        }
        return ids;
    }

    /** What the file has for a key, as short as an error message needs it. */
    String shown(String key) {
        if (!has(key)) {
            return "nothing";
        }
        String json = value(key).toString();
        return json.length() <= 80 ? json : json.substring(0, 77) + "...";
    }

    ModelFormatException wrong(String key, String expected) {
        return new ModelFormatException(
                where + ": " + key + "; expected " + expected + ", got " + shown(key) + "; correct the file");
    }

    /** For something that exists but that Jemma does not compute. */
    ModelFormatException unsupported(String key, String supported) {
        return new ModelFormatException(where + ": " + key + " " + shown(key) + " is not supported; expected "
                + supported + "; use another checkpoint of the model");
    }
}
