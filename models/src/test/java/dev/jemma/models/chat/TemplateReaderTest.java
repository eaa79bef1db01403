package dev.jemma.models.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.models.chat.TurnBarFormat.Think;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates in the style of the published ones, with and without what Jemma does not know. */
class TemplateReaderTest {
    private static final String TURNS = """
            {{- bos_token -}}
            {%- for message in messages -%}
                {{- '<|turn>' + message['role'] + '\\n' }}
                SLOT
                {{- message['content'] | trim -}}
                {{- '<turn|>\\n' -}}
            {%- endfor -%}
            """;
    private static final String PROMPT = """
            {%- if add_generation_prompt -%}
                {{- '<|turn>model\\n' -}}
            {%- endif -%}
            """;
    private static final String PROMPT_WITH_EMPTY_THOUGHT = """
            {%- if add_generation_prompt -%}
                {%- if ns.prev_message_type != 'tool_response' and ns.prev_message_type != 'tool_call' -%}
                    {{- '<|turn>model\\n' -}}
                    {%- if not enable_thinking | default(false) -%}
                        {{- '<|channel>thought\\n<channel|>' -}}
                    {%- endif -%}
                {%- elif ns.prev_message_type == 'tool_response' and enable_thinking -%}
                    {{- '<|channel>thought\\n' -}}
                {%- endif -%}
            {%- endif -%}
            """;
    private static final String THINK = """
            {#- what the 'user' asked for -#}
            {%- if enable_thinking -%}
                {{- '<|turn>system\\n' -}}{{- '<|think|>NEWLINE' -}}{{- '<turn|>\\n' -}}
            {%- endif -%}
            """;

    @Test
    void plainTurns() {
        assertThat(formatOf(turns("") + PROMPT)).isEqualTo(new TurnBarFormat(Think.NEVER, false, false, false));
    }

    @Test
    void emptyThoughtBeforeAnAnswer() {
        assertThat(formatOf(turns("") + PROMPT_WITH_EMPTY_THOUGHT))
                .isEqualTo(new TurnBarFormat(Think.NEVER, false, true, false));
    }

    @Test
    void emptyThoughtBeforeAnAnswerOutsideTheCondition() {
        String prompt = """
                {%- if add_generation_prompt -%}
                    {%- if ns.prev_message_type != 'tool_response' -%}
                        {{- '<|turn>model\\n' -}}
                    {%- endif -%}
                    {%- if not enable_thinking | default(false) -%}
                        {{- '<|channel>thought\\n<channel|>' -}}
                    {%- endif -%}
                {%- endif -%}
                """;
        assertThat(formatOf(turns("") + prompt)).isEqualTo(new TurnBarFormat(Think.NEVER, false, true, false));
    }

    @Test
    void emptyThoughtUnlessATool() {
        String prompt = """
                {%- set enable_thinking = enable_thinking | default(false) -%}
                {%- if add_generation_prompt -%}
                    {%- if ns.prev_message_type != 'tool_response' -%}
                        {{- '<|turn>model\\n' -}}
                    {%- endif -%}
                    {%- if not enable_thinking -%}
                        {%- if ns.prev_message_type != 'tool_call' -%}
                            {{- '<|channel>thought\\n<channel|>' -}}
                        {%- endif -%}
                    {%- endif -%}
                {%- endif -%}
                """;
        assertThat(formatOf(turns("") + prompt)).isEqualTo(new TurnBarFormat(Think.NEVER, false, true, false));
    }

    @Test
    void emptyThoughtInHistory() {
        String slot =
                "{%- if role == 'model' and not enable_thinking -%}{{- '<|channel>thought\\n<channel|>' -}}{%- endif -%}";
        assertThat(formatOf(turns(slot) + PROMPT_WITH_EMPTY_THOUGHT))
                .isEqualTo(new TurnBarFormat(Think.NEVER, false, true, true));
    }

    @ParameterizedTest
    @CsvSource({"'',MARK", "\\n,MARK_AND_NEWLINE"})
    void thinkingWithAndWithoutNewline(String newline, Think think) {
        assertThat(formatOf(THINK.replace("NEWLINE", newline) + turns("") + PROMPT))
                .isEqualTo(new TurnBarFormat(think, false, false, false));
    }

    @Test
    void strippedThoughtsAreSeenInsideMacros() {
        String macro = """
                {%- macro strip_thinking(text) -%}
                    {%- for part in text.split('<channel|>') -%}{{- part.split('<|channel>')[0] -}}{%- endfor -%}
                    declaration:{{- anything_here -}}
                {%- endmacro -%}
                """;
        assertThat(formatOf(macro + turns("") + PROMPT)).isEqualTo(new TurnBarFormat(Think.NEVER, true, false, false));
    }

    @Test
    void gemma2AndGemma3AreToldApartByTheirSystemPrompt() {
        String turns = """
                {{ bos_token }}SYSTEM{% for message in messages %}{{ '<start_of_turn>' + role + '
                ' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}
                {%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}
                """;
        String refuses =
                "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}";
        String folds = "{{ first_user_prefix }}";
        assertThat(formatOf(turns.replace("SYSTEM", refuses))).isEqualTo(new StartOfTurnFormat(false));
        assertThat(formatOf(turns.replace("SYSTEM", folds))).isEqualTo(new StartOfTurnFormat(true));
        assertThat(formatOf(turns.replace("SYSTEM", ""))).isEqualTo(new StartOfTurnFormat(false));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{- 'You are a helpful assistant.' -}}",
                "You are a helpful assistant.",
                "{%- set date = 'Today is ' -%}",
                "{{- strftime_now(role) -}}",
                "{{- custom_instructions | trim -}}",
                "{{- message['content'] | upper -}}",
                "{%- set enable_thinking = true -%}",
            })
    void whatGoesBeyondIsNoted(String addition) {
        assertThat(TemplateReader.read("where", turns(addition) + PROMPT).notes())
                .hasSize(1)
                .allMatch(note -> note.startsWith("where: "));
    }

    @Test
    void anUnknownGenerationPromptIsNoted() {
        String prompt = "{% if add_generation_prompt %}{{ '<|turn>model\\n' }}{{ '<|channel>thought\\n' }}{% endif %}";
        assertThat(TemplateReader.read("where", turns("") + prompt).notes())
                .singleElement()
                .asString()
                .contains("generation prompt");
        assertThat(TemplateReader.read("where", turns("")).notes())
                .containsExactly("where: has no generation prompt; Jemma writes Gemma 4 turns all the same");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "plain text",
                "{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}",
                "{{",
                "{% '",
                "{#"
            })
    void templatesOfOtherFamiliesAreUnknown(String template) {
        TemplateReader.Reading reading = TemplateReader.read("where", template);
        assertThat(reading.format()).isEqualTo(new UnknownFormat("where"));
        assertThat(reading.notes()).singleElement().asString().startsWith("where: writes no Gemma turns");
    }

    @Test
    void longStringsAreReadWithoutRecursion() {
        String text = "word \\n".repeat(100_000);
        assertThat(TemplateReader.read("where", turns("{{- '" + text + "' -}}") + PROMPT)
                        .notes())
                .singleElement()
                .asString()
                .contains("word")
                .hasSizeLessThan(300);
    }

    @Test
    void whitespaceIsCountedAsHuggingFaceWritesIt() {
        JinjaSource source = JinjaSource.of("a\n  {% if x %}\nb {{ y }} \n{%- endif -%}  c\n");
        assertThat(source.pieces())
                .isEqualTo(List.of(
                        new JinjaSource.Text("a\n"),
                        new JinjaSource.Statement("if x"),
                        new JinjaSource.Text("b "),
                        new JinjaSource.Output("y"),
                        new JinjaSource.Statement("endif"),
                        new JinjaSource.Text("c\n")));
    }

    private static String turns(String slot) {
        return TURNS.replace("SLOT", slot);
    }

    private static TurnFormat formatOf(String template) {
        TemplateReader.Reading reading = TemplateReader.read("where", template);
        assertThat(reading.notes()).isEmpty();
        return reading.format();
    }
}
