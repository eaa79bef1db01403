package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SchedulerTest {
    private static final int CONTEXT = 512;

    private Golden golden;

    @BeforeAll
    void open() {
        golden = Golden.open("gemma3", "reference");
    }

    @AfterAll
    void close() {
        golden.close();
        assertThat(golden.device().memory().allocatedBytes()).isZero();
    }

    private static Results run(Golden golden, Session session, List<GenerationRequest> requests) {
        Scheduler scheduler = new Scheduler(session, golden.model().tokenizer());
        Map<String, GenerationResult.Collector> collectors = new HashMap<>();
        for (GenerationRequest request : requests) {
            GenerationResult.Collector collector = new GenerationResult.Collector();
            collectors.put(request.id(), collector);
            scheduler.submit(request, collector);
        }
        scheduler.runAll();
        return new Results(collectors);
    }

    private record Results(Map<String, GenerationResult.Collector> collectors) {
        GenerationResult of(String id) {
            return Objects.requireNonNull(collectors.get(id), id).result();
        }
    }

    @ParameterizedTest
    @CsvSource({"gemma2, 1, 64", "gemma3, 3, 7", "gemma4-e, 5, 16", "gemma4-moe-mlx-4bit, 2, 33"})
    void promptsShareStepsAndContinueAsTheReference(String checkpoint, int slots, int chunk) {
        try (Golden model = Golden.open(checkpoint, "reference");
                Session session = model.session(slots, CONTEXT, chunk)) {
            List<GenerationRequest> requests = new ArrayList<>();
            for (int i = 0; i < model.prompts().size(); i++) {
                Golden.Prompt prompt = model.prompts().get(i);
                if (!prompt.greedy().isEmpty()) {
                    requests.add(Golden.greedy(
                            String.valueOf(i), prompt.ids(), prompt.greedy().size()));
                }
            }
            assertThat(requests).hasSizeGreaterThan(2);
            Results results = run(model, session, requests);
            for (GenerationRequest request : requests) {
                List<Integer> expected =
                        model.prompts().get(Integer.parseInt(request.id())).greedy();
                assertThat(ids(results.of(request.id())))
                        .as("prompt %s", request.id())
                        .isEqualTo(expected);
            }
        }
    }

    private static List<Integer> ids(GenerationResult result) {
        return Arrays.stream(result.ids().toArray()).boxed().toList();
    }

    @Test
    void aTextDependsNeitherOnItsNeighboursNorOnTheirOrder() {
        long seed = 5;
        Random random = new Random(seed);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            TokenIds prompt = TokenIds.of(2);
            int length = 1 + random.nextInt(40);
            for (int t = 0; t < length; t++) {
                prompt.add(8 + random.nextInt(200));
            }
            SamplingOptions sampling = new SamplingOptions(1, i % 3 == 0 ? 0 : 20, 0.95f, 0, i % 4 == 0 ? 1.2f : 1, 9);
            int maxTokens = 1 + random.nextInt(30);
            requests.add(new GenerationRequest(
                    "r" + i, prompt, sampling, new StopConditions(maxTokens, Set.of(), List.of()), 0));
        }
        Results alone;
        try (Session session = golden.session(1, CONTEXT, 16)) {
            alone = run(golden, session, requests);
        }
        for (int slots : new int[] {3, 8}) {
            Collections.shuffle(requests, random);
            try (Session session = golden.session(slots, CONTEXT, 11)) {
                Results together = run(golden, session, requests);
                for (GenerationRequest request : requests) {
                    String id = request.id();
                    assertThat(ids(together.of(id)))
                            .as("%s among %d, seed %d", id, slots, seed)
                            .isEqualTo(ids(alone.of(id)));
                    assertThat(together.of(id).text()).isEqualTo(alone.of(id).text());
                }
            }
        }
    }

    /** Of three prompts that want more rows than a step has, the last waits while the first is read. */
    @Test
    void readingIsReportedWhenMoreWasRead() {
        try (Session session = golden.session(3, CONTEXT, 11)) {
            Scheduler scheduler = new Scheduler(session, golden.model().tokenizer());
            Map<String, List<Integer>> read = new HashMap<>();
            for (int i = 0; i < 3; i++) {
                TokenIds prompt = TokenIds.of(2);
                for (int t = 0; t < 39; t++) {
                    prompt.add(8 + t);
                }
                scheduler.submit(Golden.greedy("p" + i, prompt, 1), event -> {
                    if (event instanceof GenerationEvent.Prefilling reading) {
                        read.computeIfAbsent(reading.id(), _ -> new ArrayList<>())
                                .add(reading.readTokens());
                    }
                });
            }
            scheduler.runAll();
            // 40 tokens each in steps of 11: 11, 22, 33, 40 of the first and 4 of the second, and so on.
            assertThat(read)
                    .containsEntry("p0", List.of(11, 22, 33))
                    .containsEntry("p1", List.of(4, 15, 26, 37))
                    .containsEntry("p2", List.of(8, 19, 30));
        }
    }

    /** Stop tokens, lengths and newcomers end run-ahead at different steps. */
    @ParameterizedTest
    @CsvSource({"1", "2", "5"})
    void aDeviceThatRunsAheadGivesTheSameTexts(int slots) {
        Set<Integer> stopIds = Set.copyOf(golden.prompts().get(2).greedy().subList(4, 5));
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            TokenIds prompt = golden.prompts().get(i % 4).ids();
            SamplingOptions sampling = i == 5 ? new SamplingOptions(1, 20, 0.9f, 0, 1, 4) : SamplingOptions.GREEDY;
            requests.add(new GenerationRequest(
                    "r" + i, prompt, sampling, new StopConditions(3 + 7 * i, stopIds, List.of()), 0));
        }
        requests.add(Golden.greedy("to the end", golden.prompts().get(4).ids(), CONTEXT));
        Golden ahead = new Golden(new AsynchronousDevice(golden.device()), golden.model(), golden.prompts());
        try (Session together = ahead.session(slots, CONTEXT, 16);
                Session alone = golden.session(1, CONTEXT, 16)) {
            assertThat(together.runsAhead()).isTrue();
            Results actual = run(ahead, together, requests);
            for (GenerationRequest request : requests) {
                GenerationResult expected = run(golden, alone, List.of(request)).of(request.id());
                assertThat(ids(actual.of(request.id()))).as(request.id()).isEqualTo(ids(expected));
                assertThat(actual.of(request.id()).reason()).isEqualTo(expected.reason());
            }
            assertThat(actual.of("to the end").reason()).isEqualTo(FinishReason.CONTEXT_FULL);
        }
    }

    @Test
    void whatRanAheadOfAnEndedTextIsReused() {
        Golden.Prompt first = golden.prompts().get(1);
        int stop = first.greedy().get(6);
        TokenIds second = TokenIds.of(first.ids().toArray());
        first.greedy().subList(0, first.greedy().indexOf(stop) + 1).forEach(second::add);
        second.add(40);
        Golden ahead = new Golden(new AsynchronousDevice(golden.device()), golden.model(), golden.prompts());
        try (Session session = ahead.session(1, CONTEXT, 16);
                Session fresh = golden.session(1, CONTEXT, 16)) {
            Generator generator =
                    new Generator(new Scheduler(session, golden.model().tokenizer()));
            StopConditions untilStop = new StopConditions(100, Set.of(stop), List.of());
            generator.generate(new GenerationRequest("", first.ids(), SamplingOptions.GREEDY, untilStop, 0), _ -> {});
            GenerationResult continued = generator.generate(Golden.greedy("", second, 8), _ -> {});
            assertThat(continued.stats().reusedTokens()).isEqualTo(second.size() - 1);
            GenerationResult expected =
                    run(golden, fresh, List.of(Golden.greedy("", second, 8))).of("");
            assertThat(ids(continued)).isEqualTo(ids(expected));
        }
    }

    @Test
    void aConversationReusesWhatTheCacheHolds() {
        Golden.Prompt first = golden.prompts().get(1);
        TokenIds second = TokenIds.of(first.ids().toArray());
        first.greedy().forEach(second::add);
        second.add(40);
        second.add(41);
        try (Session session = golden.session(1, CONTEXT, 16);
                Session fresh = golden.session(1, CONTEXT, 16)) {
            Generator generator =
                    new Generator(new Scheduler(session, golden.model().tokenizer()));
            generator.generate(Golden.greedy("", first.ids(), first.greedy().size()), _ -> {});
            GenerationResult continued = generator.generate(Golden.greedy("", second, 8), _ -> {});
            // The last token of an answer is never fed, so it is not in the cache.
            assertThat(continued.stats().reusedTokens()).isEqualTo(second.size() - 3);
            GenerationResult expected =
                    run(golden, fresh, List.of(Golden.greedy("", second, 8))).of("");
            assertThat(ids(continued)).isEqualTo(ids(expected));
        }
    }

    @Test
    void goesBackToAnEarlierPromptWhetherOrNotTheRingStillHoldsIt() {
        TokenIds longPrompt = golden.prompts().get(4).ids();
        TokenIds branch = TokenIds.of(Arrays.copyOf(longPrompt.toArray(), 60));
        branch.add(33);
        try (Session session = golden.session(1, CONTEXT, 32);
                Session fresh = golden.session(1, CONTEXT, 32)) {
            Generator generator =
                    new Generator(new Scheduler(session, golden.model().tokenizer()));
            generator.generate(Golden.greedy("", longPrompt, 2), _ -> {});
            GenerationResult result = generator.generate(Golden.greedy("", branch, 8), _ -> {});
            assertThat(result.stats().reusedTokens())
                    .as("a window of 16 is long gone")
                    .isZero();
            GenerationResult expected =
                    run(golden, fresh, List.of(Golden.greedy("", branch, 8))).of("");
            assertThat(ids(result)).isEqualTo(ids(expected));
        }
    }

    @Test
    void endsAtStopTokensStopStringsLengthAndContext() {
        Golden.Prompt prompt = golden.prompts().get(0);
        int third = prompt.greedy().get(2);
        String text = golden.model()
                .tokenizer()
                .decode(prompt.greedy().stream().mapToInt(id -> id).toArray());
        String stopString = text.substring(5, 8);
        try (Session session = golden.session(2, 20, 16)) {
            Results results = run(
                    golden,
                    session,
                    List.of(
                            request("token", prompt, new StopConditions(40, Set.of(third), List.of())),
                            request("string", prompt, new StopConditions(40, Set.of(), List.of(stopString))),
                            request("length", prompt, new StopConditions(3, Set.of(), List.of())),
                            request("context", prompt, new StopConditions(40, Set.of(), List.of()))));
            assertThat(results.of("token").reason()).isEqualTo(FinishReason.STOP_TOKEN);
            assertThat(ids(results.of("token")).getLast()).isEqualTo(third);
            assertThat(results.of("string").reason()).isEqualTo(FinishReason.STOP_STRING);
            assertThat(results.of("string").text()).isEqualTo(text.substring(0, text.indexOf(stopString)));
            assertThat(results.of("length").reason()).isEqualTo(FinishReason.MAX_TOKENS);
            assertThat(ids(results.of("length"))).isEqualTo(prompt.greedy().subList(0, 3));
            assertThat(results.of("context").reason()).isEqualTo(FinishReason.CONTEXT_FULL);
            assertThat(ids(results.of("context"))).hasSize(20 - prompt.ids().size() + 1);
        }
    }

    private static GenerationRequest request(String id, Golden.Prompt prompt, StopConditions stop) {
        return new GenerationRequest(id, prompt.ids(), SamplingOptions.GREEDY, stop, 0);
    }

    @Test
    void cancellationEndsOneTextAndLeavesTheOthers() {
        Golden.Prompt prompt = golden.prompts().get(1);
        try (Session session = golden.session(2, CONTEXT, 16)) {
            Scheduler scheduler = new Scheduler(session, golden.model().tokenizer());
            GenerationResult.Collector cancelled = new GenerationResult.Collector();
            GenerationResult.Collector other = new GenerationResult.Collector();
            Generation generation = scheduler.submit(Golden.greedy("a", prompt.ids(), 40), cancelled);
            scheduler.submit(Golden.greedy("b", prompt.ids(), 20), other);
            for (int i = 0; i < 8; i++) {
                scheduler.step();
            }
            generation.cancel();
            scheduler.runAll();
            assertThat(cancelled.result().reason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(cancelled.result().ids().size()).isBetween(1, 8);
            assertThat(ids(other.result())).isEqualTo(prompt.greedy().subList(0, 20));
        }
    }

    @Test
    void reportsTheLikeliestTokensOfEachStep() {
        Golden.Prompt prompt = golden.prompts().get(0);
        try (Session session = golden.session(1, CONTEXT, 16)) {
            GenerationResult result = run(
                            golden,
                            session,
                            List.of(new GenerationRequest(
                                    "",
                                    prompt.ids(),
                                    SamplingOptions.GREEDY,
                                    new StopConditions(4, Set.of(), List.of()),
                                    3)))
                    .of("");
            assertThat(result.logprobs())
                    .hasSize(4)
                    .allSatisfy(best -> assertThat(best).hasSize(3));
            assertThat(result.logprobs())
                    .extracting(best -> best.getFirst().id())
                    .isEqualTo(ids(result));
            assertThat(result.logprobs().getFirst())
                    .extracting(TokenLogprob::logprob)
                    .isSortedAccordingTo(Collections.reverseOrder())
                    .allSatisfy(logprob -> assertThat(logprob).isCloseTo(-5.0, within(5.0)));
        }
    }

    @Test
    void refusesAPromptLongerThanTheContext() {
        try (Session session = golden.session(1, 32, 16)) {
            Scheduler scheduler = new Scheduler(session, golden.model().tokenizer());
            TokenIds prompt = golden.prompts().get(1).ids();
            assertThatThrownBy(() -> scheduler.submit(Golden.greedy("", prompt, 1), _ -> {}))
                    .isInstanceOf(UsageException.class)
                    .hasMessageStartingWith("prompt: expected at most 32 tokens (the context size), got 43;");
        }
    }
}
