package dev.jemma.engine;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** A golden checkpoint on a device, with its prompts. */
record Golden(Device device, TextModel model, List<Prompt> prompts) implements AutoCloseable {
    /** Logits differ from the reference's by less than 1e-3, or a golden test of models fails: two may swap below this. */
    private static final double SAFE_MARGIN = 2e-3;

    /**
     * @param greedy the reference's continuation, cut before its first choice between nearly equal logits
     */
    record Prompt(TokenIds ids, List<Integer> greedy) {}

    static Golden open(String name, String backend) {
        Path directory = Path.of(System.getProperty("jemma.golden"), name);
        Device device = Backends.open(backend, DeviceOptions.DEFAULT).device();
        TextModel model = TextModel.open(directory, device);
        JsonNode golden =
                new ObjectMapper().readTree(directory.resolve("golden.json").toFile());
        List<Prompt> prompts =
                golden.get("prompts").valueStream().map(Golden::prompt).toList();
        return new Golden(device, model, prompts);
    }

    private static Prompt prompt(JsonNode prompt) {
        TokenIds ids = TokenIds.of(
                prompt.get("ids").valueStream().mapToInt(JsonNode::asInt).toArray());
        List<Integer> greedy =
                prompt.get("greedy").valueStream().map(JsonNode::asInt).toList();
        List<Double> margins = prompt.get("greedy_top2_margin")
                .valueStream()
                .map(JsonNode::asDouble)
                .toList();
        int safe = 0;
        while (safe < greedy.size() && margins.get(safe) > SAFE_MARGIN) {
            safe++;
        }
        return new Prompt(ids, greedy.subList(0, safe));
    }

    Session session(int slots, int contextSize, int chunk) {
        return model.openSession(device, new SessionOptions(slots, contextSize, chunk, DType.F32));
    }

    static GenerationRequest greedy(String id, TokenIds prompt, int maxTokens) {
        return new GenerationRequest(
                id, prompt, SamplingOptions.GREEDY, new StopConditions(maxTokens, Set.of(), List.of()), 0);
    }

    @Override
    public void close() {
        model.close();
        device.close();
    }
}
