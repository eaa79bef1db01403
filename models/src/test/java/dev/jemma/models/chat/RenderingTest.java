package dev.jemma.models.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.jemma.models.chat.TurnBarFormat.Think;
import dev.jemma.models.tokenizer.Checkpoints;
import dev.jemma.models.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Conversations as the published templates render them: {@code make-renderings.mjs} beside {@code renderings.json}. */
class RenderingTest {
    private static final JsonNode FIXTURE = fixture();

    private static final Map<String, TurnFormat> FORMATS = Map.of(
            "gemma2", new StartOfTurnFormat(false),
            "gemma3", new StartOfTurnFormat(true),
            "gemma4", new TurnBarFormat(Think.MARK_AND_NEWLINE, true, true, false),
            "gemma4-e", new TurnBarFormat(Think.MARK_AND_NEWLINE, true, false, false),
            "gemma4-first", new TurnBarFormat(Think.MARK, true, true, false),
            "demo", new TurnBarFormat(Think.NEVER, false, false, false));

    private static final Tokenizer START_OF_TURN = Tokenizer.load(Checkpoints.golden("gemma3"));
    private static final Tokenizer TURN_BAR = Tokenizer.load(Checkpoints.DEMO);

    private static JsonNode fixture() {
        try (InputStream in = RenderingTest.class.getResourceAsStream("/chat/renderings.json")) {
            return JsonMapper.shared().readTree(Objects.requireNonNull(in));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    static Stream<JsonNode> cases() {
        return Checkpoints.elements(FIXTURE.required("cases"));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void idsAreThoseOfTheRenderedTemplate(JsonNode expected) {
        TurnFormat format =
                Objects.requireNonNull(FORMATS.get(expected.required("template").asString()));
        Tokenizer tokenizer = format instanceof StartOfTurnFormat ? START_OF_TURN : TURN_BAR;
        List<Message> messages = Checkpoints.elements(FIXTURE.required("conversations")
                        .required(expected.required("conversation").asString()))
                .map(RenderingTest::message)
                .toList();
        Options options = new Options(
                expected.required("thinking").asBoolean(),
                expected.required("generation").asBoolean());
        ChatTemplate template = new ChatTemplate(format, List.of(), tokenizer);
        // Gemma 3's template drops a system prompt that no user message follows; Jemma does not drop instructions.
        boolean dropped =
                format.equals(new StartOfTurnFormat(true)) && messages.getLast().role() == Role.SYSTEM;
        if (expected.has("refused") || dropped) {
            assertThatExceptionOfType(ConversationException.class).isThrownBy(() -> template.render(messages, options));
        } else {
            String rendered = expected.required("rendered").asString();
            assertThat(template.render(messages, options)).isEqualTo(tokenizer.encodeWithControls(rendered));
        }
    }

    private static Message message(JsonNode node) {
        Role role = switch (node.required("role").asString()) {
            case "system" -> Role.SYSTEM;
            case "user" -> Role.USER;
            default -> Role.ASSISTANT;
        };
        return new Message(role, node.required("content").asString());
    }
}
