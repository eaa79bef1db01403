package dev.jemma.models.chat;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Finds out which of the formats Jemma writes a checkpoint's template describes, and what in it goes beyond them.
 *
 * <p>A template is known when every text it can write and every name it writes from is known, and its generation prompt
 * is one of the published ones. Macros are left out of the account: they format tools, which Jemma does not offer.
 */
final class TemplateReader {
    private static final String EMPTY_THOUGHT = "<|channel>thought\n<channel|>";

    /** Keys, roles and marks in Gemma's templates. */
    private static final Set<String> LITERALS = Set.of(
            "role",
            "content",
            "user",
            "assistant",
            "model",
            "system",
            "developer",
            "tool",
            "text",
            "type",
            "image",
            "image_url",
            "audio",
            "input_audio",
            "video",
            "think",
            "name",
            "function",
            "arguments",
            "id",
            "tool_call_id",
            "response",
            "unknown",
            "reasoning",
            "reasoning_content",
            "tool_calls",
            "tool_responses",
            "tool_call",
            "tool_response",
            "<start_of_turn>",
            "<end_of_turn>",
            "<end_of_turn>\n",
            "<start_of_turn>model\n",
            "<start_of_turn>user\n",
            "<start_of_image>",
            "<image_soft_token>",
            "<audio_soft_token>",
            "<|turn>",
            "<turn|>\n",
            "<|turn>system\n",
            "<|turn>model\n",
            "<|turn>user\n",
            "<|think|>",
            "<|think|>\n",
            "<|image|>",
            "<|audio|>",
            "<|video|>",
            "\n\n<|image|>\n\n",
            "\n\n<|video|>\n\n",
            "<|channel>",
            "<channel|>",
            "<|channel>thought\n",
            "\n<channel|>",
            EMPTY_THOUGHT,
            "\n",
            "\n\n",
            " ",
            "",
            ":",
            ",",
            "{",
            "}");

    private static final Set<String> NAMES = Set.of(
            "bos_token",
            "message",
            "messages",
            "role",
            "item",
            "trim",
            "first_user_prefix",
            "loop",
            "raise_exception",
            "strip_thinking",
            "thinking_text",
            "captured_content",
            "key",
            "function",
            "tool_response",
            "tool_body",
            "part",
            "format_argument",
            "format_function_declaration",
            "format_tool_response_block",
            "escape_keys",
            "value",
            "tool",
            "ns",
            "ns_tname",
            "ns_txt",
            "default");

    /** A condition on tool calls: never fails in Jemma's prompts. */
    private static final String AFTER_TOOLS = exactly("{%if ns.prev_message_type != ") + "[^%]*" + exactly("%}");

    private static final String END = exactly("{%endif%}");
    private static final String EMPTY_THOUGHT_WRITTEN = exactly("{{'<|channel>thought\\n<channel|>'}}");
    private static final String UNLESS_THINKING =
            optional("\\{%if not \\(?enable_thinking( ?\\| ?default\\(false\\))?\\)?%}(" + EMPTY_THOUGHT_WRITTEN + "|"
                    + AFTER_TOOLS + EMPTY_THOUGHT_WRITTEN + END + ")" + END);
    private static final String REASONING_ON_TOOLS =
            exactly("{%elif ns.prev_message_type == 'tool_response' and enable_thinking%}{{'<|channel>thought\\n'}}");

    private static final Pattern TURN_BAR_PROMPT = Pattern.compile(exactly("{%if add_generation_prompt%}")
            + optional(AFTER_TOOLS)
            + exactly("{{'<|turn>model\\n'}}")
            + UNLESS_THINKING
            + optional(REASONING_ON_TOOLS)
            + optional(END)
            + UNLESS_THINKING
            + END);
    private static final Pattern START_OF_TURN_PROMPT =
            Pattern.compile(exactly("{%if add_generation_prompt%}{{'<start_of_turn>model\\n'}}{%endif%}"));

    /** A template that turns a switch itself instead of giving it a default. */
    private static final Pattern SWITCH =
            Pattern.compile("set (enable_thinking|add_generation_prompt) *+= *+(?!\\1 ?\\| ?default\\(false\\)).*");

    private final JinjaSource whole;
    private final JinjaSource body;
    private final List<String> notes = new ArrayList<>();

    private TemplateReader(String template) {
        whole = JinjaSource.of(template);
        body = whole.body();
    }

    private static String exactly(String text) {
        return Pattern.quote(text);
    }

    private static String optional(String pattern) {
        return "(?:" + pattern + ")?";
    }

    /** A template's format, and what the user should know about it. */
    record Reading(TurnFormat format, List<String> notes) {}

    /** @param where what to call the template in messages */
    static Reading read(String where, String template) {
        TemplateReader reader = new TemplateReader(template);
        List<String> literals = reader.body.literals();
        TurnFormat format;
        if (literals.stream().anyMatch(literal -> literal.contains("<|turn>"))) {
            format = reader.turnBar();
        } else if (literals.stream().anyMatch(literal -> literal.contains("<start_of_turn>"))) {
            format = reader.startOfTurn();
        } else {
            return new Reading(
                    new UnknownFormat(where),
                    List.of(where + ": writes no Gemma turns, neither <start_of_turn> nor <|turn>;"
                            + " the model runs on raw prompts only"));
        }
        reader.noteUnknowns();
        return new Reading(
                format,
                reader.notes.stream()
                        .map(note -> where + ": " + note + "; Jemma writes " + format.name() + " turns all the same")
                        .toList());
    }

    private StartOfTurnFormat startOfTurn() {
        boolean refusesSystem = body.literals().contains("System role not supported");
        checkGenerationPrompt(START_OF_TURN_PROMPT);
        return new StartOfTurnFormat(!refusesSystem && body.outputNames().contains("first_user_prefix"));
    }

    private TurnBarFormat turnBar() {
        List<String> literals = body.literals();
        TurnBarFormat.Think think = literals.contains("<|think|>\n")
                ? TurnBarFormat.Think.MARK_AND_NEWLINE
                : literals.contains("<|think|>") ? TurnBarFormat.Think.MARK : TurnBarFormat.Think.NEVER;
        checkGenerationPrompt(TURN_BAR_PROMPT);
        return new TurnBarFormat(
                think,
                whole.literals().contains("<channel|>"),
                body.generationPrompt().literals().contains(EMPTY_THOUGHT),
                body.beforeGenerationPrompt().literals().contains(EMPTY_THOUGHT));
    }

    private void checkGenerationPrompt(Pattern known) {
        String prompt = body.generationPrompt().normalized();
        if (!known.matcher(prompt).matches()) {
            notes.add(
                    prompt.isEmpty()
                            ? "has no generation prompt"
                            : "has a generation prompt Jemma does not know: " + prompt);
        }
    }

    private void noteUnknowns() {
        Set<String> texts = new LinkedHashSet<>(body.literals());
        texts.removeIf(literal -> LITERALS.contains(literal)
                || literal.contains("<|tool")
                || literal.contains("<tool")
                || isErrorMessage(literal));
        if (!texts.isEmpty()) {
            notes.add("says what Jemma does not know: "
                    + String.join(
                            ", ", texts.stream().map(TemplateReader::quoted).toList()));
        }
        Set<String> names = new LinkedHashSet<>(body.outputNames());
        names.removeAll(NAMES);
        if (!names.isEmpty()) {
            notes.add("writes from names that Jemma does not know: " + String.join(", ", names));
        }
        for (JinjaSource.Piece piece : body.pieces()) {
            if (piece instanceof JinjaSource.Statement(String statement)
                    && SWITCH.matcher(statement).matches()) {
                notes.add("decides by itself: " + statement);
            }
        }
    }

    /** Arguments of {@code raise_exception} are told to the caller, not to the model. */
    private boolean isErrorMessage(String literal) {
        return body.pieces().stream()
                .anyMatch(piece -> piece instanceof JinjaSource.Output(String output)
                        && output.startsWith("raise_exception")
                        && JinjaSource.of("{{" + output + "}}").literals().contains(literal));
    }

    private static String quoted(String text) {
        String shown = text.length() > 60 ? text.substring(0, 60) + "..." : text;
        return "\"" + shown.replace("\n", "\\n") + "\"";
    }
}
