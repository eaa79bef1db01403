package dev.jemma.app.generate;

import dev.jemma.engine.SamplingOptions;
import dev.jemma.engine.UsageException;
import dev.jemma.models.chat.Message;
import dev.jemma.models.chat.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One line of a batch's input.
 *
 * @param prompt the prompt, or the last message of a conversation
 * @param maxTokens null for what the command line says; likewise the other nullable ones
 */
record BatchPrompt(
        String id,
        String prompt,
        List<Message> messages,
        @Nullable Integer maxTokens,
        @Nullable Float temperature,
        @Nullable Long seed) {
    private static final Set<String> FIELDS =
            Set.of("id", "prompt", "system", "messages", "max_tokens", "temperature", "seed");

    /** A line of plain text; its number is its id. */
    static BatchPrompt ofText(long lineNumber, String line, @Nullable String system) {
        return new BatchPrompt(String.valueOf(lineNumber), line, conversation(line, system), null, null, null);
    }

    /**
     * A line of JSON.
     *
     * @throws UsageException if it is not an object with a prompt or messages
     */
    static BatchPrompt ofJson(long lineNumber, String line, @Nullable String system) {
        return ofObject(lineNumber, parse(line), system);
    }

    /** Its fields, from whatever form of file. */
    static BatchPrompt ofObject(long lineNumber, JsonNode object, @Nullable String system) {
        for (String name : object.propertyNames()) {
            if (!FIELDS.contains(name)) {
                throw new UsageException(
                        "expected fields out of " + FIELDS.stream().sorted().toList() + ", got '" + name + "'");
            }
        }
        List<Message> messages = object.has("messages")
                ? messages(object.get("messages"))
                : conversation(
                        required(object, "prompt").asString(),
                        object.path("system").asString(system));
        return new BatchPrompt(
                object.path("id").asString(String.valueOf(lineNumber)),
                messages.getLast().content(),
                messages,
                object.has("max_tokens")
                        ? (Integer) number(object, "max_tokens").intValue()
                        : null,
                object.has("temperature")
                        ? (Float) number(object, "temperature").floatValue()
                        : null,
                object.has("seed") ? (Long) number(object, "seed").longValue() : null);
    }

    private static JsonNode parse(String line) {
        JsonNode object;
        try {
            object = JsonMapper.shared().readTree(line);
        } catch (JacksonException e) {
            throw new UsageException("expected a JSON object, got something else: " + e.getOriginalMessage(), e);
        }
        if (!object.isObject()) {
            throw new UsageException("expected a JSON object, got " + object.getNodeType());
        }
        return object;
    }

    private static JsonNode required(JsonNode object, String name) {
        JsonNode value = object.get(name);
        if (value == null || !value.isString()) {
            throw new UsageException("expected '" + name + "' to be a text, got " + (value == null ? "none" : value));
        }
        return value;
    }

    private static Number number(JsonNode object, String name) {
        JsonNode value = object.get(name);
        if (!value.isNumber()) {
            throw new UsageException("expected '" + name + "' to be a number, got " + value);
        }
        return value.numberValue();
    }

    private static List<Message> messages(JsonNode array) {
        List<Message> messages = new ArrayList<>();
        for (JsonNode message : array) {
            String role = required(message, "role").asString();
            String content = required(message, "content").asString();
            messages.add(
                    switch (role) {
                        case "system" -> new Message(Role.SYSTEM, content);
                        case "user" -> new Message(Role.USER, content);
                        case "assistant", "model" -> new Message(Role.ASSISTANT, content);
                        default ->
                            throw new UsageException("expected role system, user or assistant, got '" + role + "'");
                    });
        }
        if (messages.isEmpty()) {
            throw new UsageException("expected 'messages' to be a list of at least one, got " + array);
        }
        return messages;
    }

    private static List<Message> conversation(String prompt, @Nullable String system) {
        Message user = new Message(Role.USER, prompt);
        return system == null ? List.of(user) : List.of(new Message(Role.SYSTEM, system), user);
    }

    /** The command line's sampling with this line's differences. */
    SamplingOptions over(SamplingOptions common) {
        return new SamplingOptions(
                temperature != null ? temperature : common.temperature(),
                common.topK(),
                common.topP(),
                common.minP(),
                common.repeatPenalty(),
                seed != null ? seed : common.seed());
    }
}
