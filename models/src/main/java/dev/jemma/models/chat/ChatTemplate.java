package dev.jemma.models.chat;

import dev.jemma.models.ModelFormatException;
import dev.jemma.models.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Renders conversations as a checkpoint's template does: to ids, with control tokens put in as ids and messages as
 * text, and with exactly one BOS.
 *
 * <p>The formats are Gemma's, written in Java; the checkpoint's own template says which of them and is never evaluated
 * (docs/adr/0006-chat-templates.md).
 */
public final class ChatTemplate {
    private final TurnFormat format;
    private final List<String> notes;
    private final Tokenizer tokenizer;

    ChatTemplate(TurnFormat format, List<String> notes, Tokenizer tokenizer) {
        this.format = format;
        this.notes = notes;
        this.tokenizer = tokenizer;
    }

    /**
     * The template of a checkpoint: {@code chat_template.jinja}, or else {@code chat_template} in
     * {@code chat_template.json} or {@code tokenizer_config.json}.
     *
     * @return empty if there is none: a base model, which completes text and knows no turns. For a template of another
     *     family, one that refuses to {@link #render} and says so in its {@link #notes}
     * @throws ModelFormatException if the file is unreadable or does not go with the tokenizer
     */
    public static Optional<ChatTemplate> forModel(Path modelDirectory, Tokenizer tokenizer) {
        for (String file : List.of("chat_template.jinja", "chat_template.json", "tokenizer_config.json")) {
            Path path = modelDirectory.resolve(file);
            String template = Files.exists(path) ? templateIn(path) : null;
            if (template != null) {
                return Optional.of(of(path.toString(), template, tokenizer));
            }
        }
        return Optional.empty();
    }

    /** @param where what to call the template in messages */
    static ChatTemplate of(String where, String template, Tokenizer tokenizer) {
        TemplateReader.Reading reading = TemplateReader.read(where, template);
        for (String token : reading.format().requiredTokens()) {
            if (tokenizer.id(token).isEmpty()) {
                throw new ModelFormatException(where + ": writes " + token
                        + ", which the tokenizer does not have; the files are of different checkpoints");
            }
        }
        return new ChatTemplate(reading.format(), reading.notes(), tokenizer);
    }

    private static @Nullable String templateIn(Path path) {
        try {
            String text = Files.readString(path);
            return path.toString().endsWith(".jinja")
                    ? text
                    : defaultTemplate(JsonMapper.shared().readTree(text).path("chat_template"));
        } catch (IOException | JacksonException e) {
            throw new ModelFormatException(path + ": unreadable: " + e.getMessage(), e);
        }
    }

    /** One template, or several by name, of which the default one is meant. */
    private static @Nullable String defaultTemplate(JsonNode node) {
        if (node.isString()) {
            return node.asString();
        }
        for (JsonNode named : node) {
            if (named.path("name").asString("").equals("default")) {
                return named.path("template").asString("");
            }
        }
        return null;
    }

    /** What to call the format: {@code Gemma 3}. */
    public String name() {
        return format.name();
    }

    /** What the checkpoint's template says beyond what Jemma writes; to be shown to the user. Usually empty. */
    public List<String> notes() {
        return notes;
    }

    /** Whether a conversation may begin with a system message. */
    public boolean hasSystem() {
        return format.hasSystem();
    }

    /** Whether {@link Options#thinking} may be asked for. */
    public boolean canThink() {
        return format.canThink();
    }

    /**
     * Ids of a conversation, BOS first.
     *
     * <p>A longer conversation's ids begin with a shorter one's plus the ids of its answer, as far as the template lets
     * them, so that a cache of the shorter one can be kept. They part earlier where the template does not repeat what it
     * made the model read or the model wrote: at the last answer if thoughts were stripped from it or an empty thought
     * opened it, and, unless {@link #answer} made the message, where the answer's text has other ids than those
     * generated. Compare before reuse.
     *
     * @param messages one or more
     * @throws ConversationException if the template cannot express them
     */
    public int[] render(List<Message> messages, Options options) {
        if (messages.isEmpty()) {
            throw new ConversationException("messages: none, expected at least one of the user");
        }
        if (!hasSystem() && messages.stream().anyMatch(message -> message.role() == Role.SYSTEM)) {
            throw new ConversationException("messages: " + name() + " has no system prompt;"
                    + " put the instructions at the start of the first user message");
        }
        if (options.thinking() && !canThink()) {
            throw new ConversationException(
                    "thinking: " + name() + "'s template, as this checkpoint has it, cannot think");
        }
        Prompt prompt = new Prompt(tokenizer);
        format.write(messages, options, prompt);
        return prompt.toIds();
    }

    /**
     * What a model generated, as a message of the conversation that goes on. It keeps the ids, which need not be those
     * that its text has when encoded: so a cache of them can be kept. Thoughts, and white space at either end, are left
     * out as templates do; where the ids do not make up the text exactly (a stop string cut it, or a character), there
     * are none.
     *
     * @param generated all that was generated, thoughts and the end of the turn included
     * @param answer the answer's text
     */
    public Message answer(int[] generated, String answer) {
        ThoughtChannel channel = ThoughtChannel.of(tokenizer);
        List<Integer> ids = new ArrayList<>();
        for (int id : generated) {
            channel.next(id);
            if (!channel.isThinking() && !tokenizer.isControl(id)) {
                ids.add(id);
            }
        }
        while (!ids.isEmpty() && tokenizer.piece(ids.getFirst()).isBlank()) {
            ids.removeFirst();
        }
        while (!ids.isEmpty() && tokenizer.piece(ids.getLast()).isBlank()) {
            ids.removeLast();
        }
        String text = tokenizer.decode(ids.stream().mapToInt(id -> id).toArray());
        boolean exact = text.equals(TurnFormat.trim(answer));
        return new Message(Role.ASSISTANT, answer, exact ? ids : List.of());
    }

    /** Ids with which the model ends its turn; to be joined with those of {@code generation_config.json}. */
    public int[] stopIds() {
        return format.stopTokens().stream()
                .map(tokenizer::id)
                .filter(OptionalInt::isPresent)
                .mapToInt(OptionalInt::getAsInt)
                .toArray();
    }
}
