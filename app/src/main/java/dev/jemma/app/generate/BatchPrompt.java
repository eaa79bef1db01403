package dev.jemma.app.generate;

import dev.jemma.engine.UsageException;
import dev.jemma.models.chat.Message;
import dev.jemma.models.chat.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One line of a batch's input.
 *
 * @param prompt the prompt, or the last message of a conversation
 * @param messages the conversation, system prompt first
 * @param isConversation whether the line gave messages instead of a prompt
 * @param overrides what the line says about its answer
 */
record BatchPrompt(String id, String prompt, List<Message> messages, boolean isConversation, Overrides overrides) {
    private static final Set<String> FIELDS = Stream.of(
                    Set.of("id", "prompt", "system", "messages", Overrides.STOP), Overrides.NUMBERS, Overrides.SWITCHES)
            .flatMap(Set::stream)
            .collect(Collectors.toCollection(TreeSet::new));

    /** A line of plain text; its number is its id. */
    static BatchPrompt ofText(long lineNumber, String line, @Nullable String system) {
        Overrides none = new Overrides(JsonMapper.shared().createObjectNode());
        return new BatchPrompt(String.valueOf(lineNumber), line, conversation(line, system), false, none);
    }

    /**
     * A line of JSON.
     *
     * @param system instructions for conversations that have none
     * @throws UsageException if it is not an object with a prompt or messages
     */
    static BatchPrompt ofJson(long lineNumber, String line, @Nullable String system) {
        return ofObject(lineNumber, parse(line), system);
    }

    /** Its fields, from whatever form of file. */
    static BatchPrompt ofObject(long lineNumber, JsonNode object, @Nullable String system) {
        for (String name : object.propertyNames()) {
            if (!FIELDS.contains(name)) {
                throw new UsageException("expected fields out of " + FIELDS + ", got '" + name + "'");
            }
        }
        boolean isConversation = object.has("messages");
        if (isConversation && (object.has("prompt") || object.has("system"))) {
            throw new UsageException("expected either 'messages', or 'prompt' with or without 'system', got both");
        }
        List<Message> messages = isConversation
                ? messages(object.get("messages"), system)
                : conversation(text(object, "prompt"), object.has("system") ? text(object, "system") : system);
        return new BatchPrompt(
                id(object, lineNumber), messages.getLast().content(), messages, isConversation, new Overrides(object));
    }

    private static String id(JsonNode object, long lineNumber) {
        JsonNode id = object.path("id");
        if (id.isMissingNode() || id.isNull()) {
            return String.valueOf(lineNumber);
        }
        if (!id.isString() && !id.isNumber()) {
            throw new UsageException("expected 'id' to be a text or a number, got " + id);
        }
        return id.asString();
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

    private static String text(JsonNode object, String name) {
        JsonNode value = object.get(name);
        if (value == null || !value.isString()) {
            throw new UsageException("expected '" + name + "' to be a text, got " + (value == null ? "none" : value));
        }
        return value.asString();
    }

    private static List<Message> messages(JsonNode array, @Nullable String system) {
        List<Message> messages = new ArrayList<>();
        for (JsonNode message : array) {
            String role = text(message, "role");
            String content = text(message, "content");
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
        if (system != null && messages.getFirst().role() != Role.SYSTEM) {
            messages.addFirst(new Message(Role.SYSTEM, system));
        }
        return messages;
    }

    private static List<Message> conversation(String prompt, @Nullable String system) {
        Message user = new Message(Role.USER, prompt);
        return system == null ? List.of(user) : List.of(new Message(Role.SYSTEM, system), user);
    }
}
