package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.models.synthetic.SyntheticModel;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What {@link BatchEqualityTest} asks of texts, of logits to the last bit, and at the widths of published models: there
 * kernels work in other blocks than in tiny checkpoints, and random weights are surer than of trained ones to choose
 * another token for another last bit.
 */
class BatchBitsTest {
    private static final long SEED = 20261121;
    private static final int CONTEXT = 640;
    private static final int CHUNK = 96;
    private static final int PREFIX = 30;
    private static final int VOCAB = 1024;

    @TempDir
    private Path directory;

    /** A published model's widths in few layers, sliding and full, with a window that prompts go past. */
    private static String shape(String name) throws IOException {
        try (InputStream in = SyntheticModel.class.getResourceAsStream(name + ".json")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8)
                    .replaceFirst("\"vocab_size\": \\d+", "\"vocab_size\": " + VOCAB)
                    .replaceFirst("\"num_hidden_layers\": \\d+", "\"num_hidden_layers\": 2")
                    .replaceFirst("\"sliding_window\": \\d+", "\"sliding_window\": 100")
                    .replaceFirst("\"_sliding_window_pattern\": \\d+", "\"_sliding_window_pattern\": 2");
        }
    }

    /** Prompts of 31 to 330 tokens and one of 560, whose decodes' keys are split. */
    private static List<GenerationRequest> requests() {
        Random random = new Random(SEED);
        int[] shared = random.ints(PREFIX, 8, VOCAB).toArray();
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 18; i++) {
            TokenIds prompt = TokenIds.of(shared);
            int own = i == 5 ? 560 - PREFIX : 1 + random.nextInt(i % 3 == 0 ? 300 : 20);
            random.ints(own, 8, VOCAB).forEach(prompt::add);
            requests.add(request("r" + i, prompt, 2 + random.nextInt(8), i % 2 == 0 ? 0 : 1));
        }
        return requests;
    }

    private static GenerationRequest request(String id, TokenIds prompt, int maxTokens, float temperature) {
        SamplingOptions sampling = new SamplingOptions(temperature, 20, 0.95f, 0, 1, 7);
        return new GenerationRequest(id, prompt, sampling, new StopConditions(maxTokens, Set.of(), List.of()), 3);
    }

    /** Tokens and, as they come from the logits, the logarithms of the probabilities of the likeliest. */
    private static String bits(GenerationResult result) {
        return Arrays.toString(result.ids().toArray()) + " " + result.logprobs();
    }

    private record Synthetic(Device device, TextModel model) implements AutoCloseable {
        static Synthetic open(String name, int bits, Path directory) throws IOException {
            SyntheticModel.writeShaped(shape(name), bits, directory);
            Device device = Backends.open("cpu", new DeviceOptions(2, null)).device();
            return new Synthetic(device, TextModel.open(directory, device));
        }

        Session session(int slots) {
            return model.openSession(device, new SessionOptions(slots, CONTEXT, CHUNK, DType.F16).batchInvariant());
        }

        Map<String, String> run(List<GenerationRequest> requests, int parallel, boolean sharesPrefix) {
            Map<String, String> results = new HashMap<>();
            try (Session session = session(parallel + (sharesPrefix ? 1 : 0))) {
                Scheduler scheduler = new Scheduler(session, model.tokenizer());
                if (sharesPrefix) {
                    int[] ids = requests.getFirst().prompt().toArray();
                    scheduler.sharePrefix(TokenIds.of(Arrays.copyOf(ids, PREFIX)));
                }
                run(scheduler, requests, results);
            }
            return results;
        }

        static void run(Scheduler scheduler, List<GenerationRequest> requests, Map<String, String> results) {
            for (GenerationRequest request : requests) {
                GenerationResult.Collector collector = new GenerationResult.Collector();
                scheduler.submit(request, event -> {
                    collector.accept(event);
                    if (event instanceof GenerationEvent.Finished) {
                        results.put(request.id(), bits(collector.result()));
                    }
                });
            }
            scheduler.runAll();
        }

        @Override
        public void close() {
            model.close();
            device.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"gemma-3-1b, 16", "gemma-3-270m, 16", "gemma-3-270m, 4"})
    void logitsDoNotDependOnTheBatch(String name, int bits) throws IOException {
        try (Synthetic synthetic = Synthetic.open(name, bits, directory)) {
            List<GenerationRequest> requests = requests();
            Map<String, String> alone = synthetic.run(requests, 1, false);
            assertThat(alone).hasSize(requests.size());
            for (int parallel : new int[] {3, 8, 16}) {
                Collections.shuffle(requests, new Random(SEED + parallel));
                assertThat(synthetic.run(requests, parallel, parallel == 8))
                        .as("%d at once, seed %d", parallel, SEED)
                        .isEqualTo(alone);
            }
        }
    }

    @Test
    void aPromptThatGoesOnFromAnAnswerInItsSlotIsReadAsInAnother() throws IOException {
        try (Synthetic synthetic = Synthetic.open("gemma-3-270m", 16, directory)) {
            GenerationRequest first = requests().getFirst();
            TokenIds prompt = TokenIds.of(first.prompt().toArray());
            Map<String, String> sameSlot = new HashMap<>();
            try (Session session = synthetic.session(1)) {
                Scheduler scheduler = new Scheduler(session, synthetic.model().tokenizer());
                GenerationResult.Collector collector = new GenerationResult.Collector();
                scheduler.submit(request("first", first.prompt(), 30, 0), collector);
                scheduler.runAll();
                for (int id : collector.result().ids().toArray()) {
                    prompt.add(id);
                }
                Synthetic.run(scheduler, List.of(request("next", prompt, 5, 0)), sameSlot);
            }
            assertThat(sameSlot).isEqualTo(synthetic.run(List.of(request("next", prompt, 5, 0)), 1, false));
        }
    }
}
