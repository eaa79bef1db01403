package dev.jemma.app.chat;

import dev.jemma.engine.Exchange;
import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A conversation in a file: {@code {"model": ..., "messages": [{"role": ..., "content": ...}, ...]}}, with the roles
 * system (first, if at all), user and assistant. A line of {@code jemma generate --input} has the same messages.
 */
record Transcript(@Nullable String system, List<Exchange> exchanges) {
    Transcript {
        exchanges = List.copyOf(exchanges);
    }

    /** Writes all or nothing; a file that holds something else than a conversation is left alone. */
    void write(Path file, String model) {
        if (Files.exists(file) && !isTranscript(file)) {
            throw new UsageException("/save: " + file
                    + ": expected a new file or a saved conversation, got another file; choose another name");
        }
        ObjectNode root = JsonMapper.shared().createObjectNode().put("model", model);
        ArrayNode messages = root.putArray("messages");
        if (system != null) {
            add(messages, "system", system);
        }
        for (Exchange exchange : exchanges) {
            add(messages, "user", exchange.question());
            add(messages, "assistant", exchange.answer());
        }
        try {
            Path partial = file.resolveSibling(file.getFileName() + ".partial");
            Files.writeString(partial, root.toPrettyString() + "\n");
            Files.move(partial, file, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UsageException("/save: " + file + ": " + UserFiles.reason(e), e);
        }
    }

    private static void add(ArrayNode messages, String role, String content) {
        messages.addObject().put("role", role).put("content", content);
    }

    private static boolean isTranscript(Path file) {
        try {
            read(file);
            return true;
        } catch (UsageException notOne) {
            return false;
        }
    }

    /** @throws UsageException if the file cannot be read or holds no conversation */
    static Transcript read(Path file) {
        String where = "/load: " + file;
        JsonNode messages;
        try {
            messages =
                    JsonMapper.shared().readTree(UserFiles.read("/load", file)).path("messages");
        } catch (JacksonException e) {
            throw new UsageException(where + ": expected JSON as /save writes it: " + e.getOriginalMessage(), e);
        }
        if (!messages.isArray()) {
            throw new UsageException(where + ": expected an object with messages, got other JSON");
        }
        int first = messages.size() > 0 && role(messages.get(0)).equals("system") ? 1 : 0;
        List<Exchange> exchanges = new ArrayList<>();
        for (int i = first; i < messages.size(); i += 2) {
            exchanges.add(new Exchange(
                    content(where, messages.get(i), "user"), content(where, messages.path(i + 1), "assistant")));
        }
        return new Transcript(first == 0 ? null : content(where, messages.get(0), "system"), exchanges);
    }

    private static String role(JsonNode message) {
        return message.path("role").asString("");
    }

    private static String content(String where, JsonNode message, String role) {
        JsonNode content = message.path("content");
        if (!role(message).equals(role) || !content.isString()) {
            throw new UsageException(where + ": expected a message of role " + role + " with text as content, got "
                    + (message.isMissingNode() ? "none" : "role '" + role(message) + "'"));
        }
        return content.asString();
    }
}
