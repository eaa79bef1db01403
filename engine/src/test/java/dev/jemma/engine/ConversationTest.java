package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** With the demo model, whose sliding layers see 128 positions. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ConversationTest {
    private static final int CHUNK = 16;

    private Device device;
    private TextModel model;

    @BeforeAll
    void open() {
        device = Backends.open("cpu", DeviceOptions.DEFAULT).device();
        model = TextModel.open(Path.of(System.getProperty("jemma.demo")), device);
    }

    @AfterAll
    void close() {
        model.close();
        device.close();
    }

    private Session session(int contextSize, int rewind) {
        return model.openSession(device, new SessionOptions(1, contextSize, CHUNK, DType.F32).withRewind(rewind));
    }

    private static void nobody(GenerationEvent event) {}

    /** Always the same answer of {@code tokens} tokens, past the model's own end. */
    private static AnswerOptions greedy(int tokens) {
        return new AnswerOptions(SamplingOptions.GREEDY, new StopConditions(tokens, Set.of(), List.of()), false);
    }

    @Test
    void onlyWhatIsNewIsRead() {
        try (Session session = session(512, 0)) {
            Conversation conversation = new Conversation(model, session);
            GenerationResult first =
                    conversation.ask("Tell me a story about a fox.", greedy(20), ConversationTest::nobody);
            int held = first.stats().promptTokens() + 19;
            assertThat(conversation.contextUsed()).isEqualTo(held);
            GenerationResult second = conversation.ask("What happened next?", greedy(20), ConversationTest::nobody);
            // The answer's last token was never computed.
            assertThat(second.stats().reusedTokens()).isEqualTo(held);
            assertThat(second.text()).isEqualTo(afresh(conversation).text());
        }
    }

    @Test
    void anAnswerKeepsTheIdsItWasWrittenWith() {
        // At this temperature the ids of many answers are not those that their texts have when encoded.
        AnswerOptions wild = new AnswerOptions(
                new SamplingOptions(1.3f, 64, 1, 0, 1, 5), new StopConditions(60, model.stopIds(), List.of()), false);
        try (Session session = session(512, 64)) {
            Conversation conversation = new Conversation(model, session);
            int differing = 0;
            for (int turn = 0; turn < 4; turn++) {
                int held = conversation.contextUsed();
                GenerationResult result = conversation.ask("And then?", wild, ConversationTest::nobody);
                int encoded = model.tokenizer().encode(result.text()).length;
                differing += result.ids().size() == encoded ? 0 : 1;
                // White space at the end goes: a token or two.
                assertThat(result.stats().reusedTokens()).as("turn %d", turn).isBetween(Math.max(0, held - 2), held);
            }
            assertThat(differing).isPositive();
        }
    }

    /** The last answer of a conversation, from a session that knows nothing yet. */
    private GenerationResult afresh(Conversation conversation) {
        List<Exchange> exchanges = conversation.exchanges();
        try (Session session = session(conversation.contextSize(), 0)) {
            Conversation other = new Conversation(model, session);
            other.replace(conversation.system(), exchanges.subList(0, exchanges.size() - 1));
            GenerationResult result = other.ask(exchanges.getLast().question(), greedy(20), ConversationTest::nobody);
            assertThat(result.stats().reusedTokens()).isZero();
            return result;
        }
    }

    @Test
    void goesBackWithinTheRingOrReadsAgain() {
        AnswerOptions longAnswer = greedy(100);
        String question = "Tell me a story about a fox. ".repeat(10);
        String once;
        try (Session wide = session(512, 128)) {
            Conversation conversation = new Conversation(model, wide);
            once = conversation
                    .ask(question, longAnswer, ConversationTest::nobody)
                    .text();
            GenerationResult again = conversation.regenerate(longAnswer, ConversationTest::nobody);
            assertThat(again.stats().reusedTokens()).isEqualTo(again.stats().promptTokens() - 1);
            assertThat(again.text()).isEqualTo(once);
        }
        try (Session narrow = session(512, 0)) {
            Conversation conversation = new Conversation(model, narrow);
            assertThat(conversation
                            .ask(question, longAnswer, ConversationTest::nobody)
                            .text())
                    .isEqualTo(once);
            GenerationResult again = conversation.regenerate(longAnswer, ConversationTest::nobody);
            assertThat(again.stats().reusedTokens()).isZero();
            assertThat(again.text()).isEqualTo(once);
            assertThat(conversation.exchanges()).containsExactly(new Exchange(question, once));
        }
    }

    @Test
    void undoneExchangesLeaveNoTrace() {
        try (Session session = session(512, 64)) {
            Conversation conversation = new Conversation(model, session);
            conversation.ask("Tell me a story about a fox.", greedy(20), ConversationTest::nobody);
            conversation.ask("Now one about a bear.", greedy(20), ConversationTest::nobody);
            assertThat(conversation.undo().question()).isEqualTo("Now one about a bear.");
            GenerationResult result = conversation.ask("What happened next?", greedy(20), ConversationTest::nobody);
            assertThat(result.stats().reusedTokens()).isPositive();
            assertThat(conversation.exchanges()).hasSize(2);
            assertThat(result.text()).isEqualTo(afresh(conversation).text());
            conversation.undo();
            conversation.undo();
            assertThatExceptionOfType(UsageException.class).isThrownBy(conversation::undo);
        }
    }

    @Test
    void aCancelledAnswerCountsAsFarAsItCame() {
        try (Session session = session(512, 0)) {
            Conversation conversation = new Conversation(model, session);
            GenerationResult stopped = conversation.ask("Tell me a story.", greedy(50), event -> {
                if (event instanceof GenerationEvent.Text) {
                    conversation.cancel();
                }
            });
            assertThat(stopped.reason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(stopped.ids().size()).isLessThan(5);
            assertThat(conversation.exchanges()).containsExactly(new Exchange("Tell me a story.", stopped.text()));
            GenerationResult unbegun =
                    conversation.ask("And then? ".repeat(20), greedy(50), cancelAtOnce(conversation));
            assertThat(unbegun.text()).isBlank();
            assertThat(conversation.exchanges()).hasSize(1);
        }
    }

    @Test
    void anAnswerStaysIfTheOneInItsPlaceComesToNothing() {
        try (Session session = session(512, 0)) {
            Conversation conversation = new Conversation(model, session);
            conversation.ask("Tell me a story. ".repeat(30), greedy(100), ConversationTest::nobody);
            List<Exchange> before = conversation.exchanges();
            GenerationResult nothing = conversation.regenerate(greedy(50), cancelAtOnce(conversation));
            assertThat(nothing.reason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(conversation.exchanges()).isEqualTo(before);
        }
    }

    private static Consumer<GenerationEvent> cancelAtOnce(Conversation conversation) {
        return event -> {
            if (event instanceof GenerationEvent.Prefilling) {
                conversation.cancel();
            }
        };
    }

    @Test
    void fullContextLosesNothingUnasked() {
        try (Session session = session(96, 0)) {
            Conversation conversation = new Conversation(model, session);
            conversation.ask("Tell me a story about a fox.", greedy(20), ConversationTest::nobody);
            conversation.ask("What happened next?", greedy(20), ConversationTest::nobody);
            Exchange first = conversation.exchanges().getFirst();
            assertThat(conversation.fits("And then?", greedy(40))).isTrue();
            GenerationResult cut = conversation.ask("And then?", greedy(40), ConversationTest::nobody);
            assertThat(cut.reason()).isEqualTo(FinishReason.CONTEXT_FULL);
            assertThat(conversation.canResume()).isTrue();
            assertThat(conversation.exchanges()).hasSize(3).startsWith(first);
            assertThat(conversation.fits("x", greedy(40))).isFalse();
            assertThatExceptionOfType(UsageException.class)
                    .isThrownBy(() -> conversation.ask("x", greedy(40), ConversationTest::nobody))
                    .withMessageContaining("96 tokens");

            int inTheWay = conversation.exchangesInTheWay(null, greedy(10));
            assertThat(inTheWay).isBetween(1, 2);
            conversation.dropOldest(inTheWay);
            GenerationResult rest = conversation.resume(greedy(10), ConversationTest::nobody);
            assertThat(rest.reason()).isEqualTo(FinishReason.MAX_TOKENS);
            assertThat(conversation.canResume()).isFalse();
            assertThat(conversation.exchanges().getLast())
                    .isEqualTo(new Exchange("And then?", cut.text() + rest.text()));
        }
    }

    @Test
    void aMessageThatIsTooLongByItselfIsRefused() {
        try (Session session = session(64, 0)) {
            Conversation conversation = new Conversation(model, session);
            conversation.ask("Hello", greedy(2), ConversationTest::nobody);
            String tooLong = "one two ".repeat(100);
            assertThat(conversation.exchangesInTheWay(tooLong, greedy(2))).isZero();
            assertThatExceptionOfType(UsageException.class)
                    .isThrownBy(() -> conversation.ask(tooLong, greedy(2), ConversationTest::nobody))
                    .withMessageContaining("message: expected at most 64 tokens");
            assertThatExceptionOfType(UsageException.class)
                    .isThrownBy(() -> conversation.setSystem(tooLong))
                    .withMessageContaining("system prompt");
            assertThat(conversation.exchanges()).hasSize(1);
            assertThat(conversation.system()).isNull();
        }
    }

    @Test
    void theSystemPromptComesBeforeEverything() {
        try (Session session = session(256, 0)) {
            Conversation conversation = new Conversation(model, session);
            int without = conversation
                    .ask("Hello", greedy(1), ConversationTest::nobody)
                    .stats()
                    .promptTokens();
            conversation.undo();
            conversation.setSystem("Talk like a fox.");
            int with = conversation
                    .ask("Hello", greedy(1), ConversationTest::nobody)
                    .stats()
                    .promptTokens();
            assertThat(with).isGreaterThan(without);
            conversation.undo();
            conversation.setSystem(null);
            assertThat(conversation
                            .ask("Hello", greedy(1), ConversationTest::nobody)
                            .stats()
                            .promptTokens())
                    .isEqualTo(without);
        }
    }
}
