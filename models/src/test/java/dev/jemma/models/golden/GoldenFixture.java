package dev.jemma.models.golden;

import dev.jemma.models.safetensors.SafetensorsFile;
import dev.jemma.models.safetensors.TensorInfo;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A checkpoint folder with the reference's results; {@code models/src/test/golden/README.md} says how they were made.
 *
 * @param prompts in the order of the file
 */
record GoldenFixture(Path folder, List<Prompt> prompts) {
    /** The checkpoints under {@code models/src/test/golden}. */
    static final List<String> NAMES = List.of(
            "gemma2",
            "gemma3",
            "gemma3-f16-sharded",
            "gemma3-f32-untied",
            "gemma3-multimodal",
            "gemma3-mlx-4bit",
            "gemma3-mlx-8bit",
            "gemma4-dense",
            "gemma4-e",
            "gemma4-moe",
            "gemma4-moe-mlx-4bit");

    /**
     * @param name suffix of its tensors
     * @param ids prompt tokens, BOS included
     * @param greedy the reference's greedy continuation
     * @param margins difference of the two best logits at each step of it
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Prompt(String name, int[] ids, int[] greedy, double[] margins) {
        /** How many greedy ids are certain when logits may be off by {@code tolerance} each. */
        int certainIds(double tolerance) {
            int certain = 0;
            while (certain < greedy.length && margins[certain] > 2 * tolerance) {
                certain++;
            }
            return certain;
        }
    }

    static GoldenFixture checkpoint(String name) {
        return open(Path.of(System.getProperty("jemma.golden"), name));
    }

    static GoldenFixture demoModel() {
        return open(Path.of(System.getProperty("jemma.demo")));
    }

    private static GoldenFixture open(Path folder) {
        JsonNode root = JsonMapper.shared().readTree(folder.resolve("golden.json"));
        List<Prompt> prompts = new ArrayList<>();
        for (JsonNode node : root.get("prompts")) {
            String name = node.has("name") ? node.get("name").asString() : Integer.toString(prompts.size());
            prompts.add(new Prompt(
                    name,
                    ints(node.get("ids")),
                    ints(node.get("greedy")),
                    elements(node.get("greedy_top2_margin"))
                            .mapToDouble(JsonNode::asDouble)
                            .toArray()));
        }
        return new GoldenFixture(folder, prompts);
    }

    private static int[] ints(JsonNode array) {
        return elements(array).mapToInt(JsonNode::asInt).toArray();
    }

    private static java.util.stream.Stream<JsonNode> elements(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false);
    }

    /** Logits of a prompt: {@code [tokens, vocab]}, or those of the last token alone. */
    float[] logits(Prompt prompt) {
        float[] logits = tensor("logits." + prompt.name());
        if (logits == null) {
            throw new AssertionError(folder + ": no logits of prompt " + prompt.name());
        }
        return logits;
    }

    /** The stream at a depth for every token of a prompt, {@code [tokens, hiddenSize]}; null if it was not recorded. */
    float @Nullable [] hidden(Prompt prompt, int depth) {
        return tensor("hidden." + prompt.name() + "." + depth);
    }

    private float @Nullable [] tensor(String name) {
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("golden.safetensors"))) {
            TensorInfo info = file.header().tensors().get(name);
            return info == null ? null : file.bytes(info).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
        }
    }
}
