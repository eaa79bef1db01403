package dev.jemma.app;

import dev.jemma.models.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Gemma 4 checkpoint that says one thing, whatever it is asked, if it is sampled greedily. Made of the demo model: its
 * layers add nothing to the embeddings, and the output head's row of a token is the embedding of the one before it in the
 * script. So each token of the script may be in it once only.
 */
final class ScriptedModel {
    private static final Path DEMO = Path.of(System.getProperty("jemma.demo"));
    private static final int LAYERS = 4;
    private static final int HIDDEN_SIZE = 256;

    /** A prompt ends with it: {@code <|turn>model\n}. */
    private static final String BEFORE = "\n";

    /** Logit of the next token; other tokens of the script have this times a cosine, all others 0. */
    private static final float LOGIT = 10;

    private static final short ONE = (short) 0x3f80;

    /** Asks for thoughts, and strips them from earlier answers, as Gemma 4's own template does. */
    private static final String THINKING_TEMPLATE =
            "{%- if enable_thinking -%}{{- '<|turn>system\\n' -}}{{- '<|think|>\\n' -}}{{- '<turn|>\\n' -}}{%- endif -%}";

    private ScriptedModel() {}

    /** Writes it into a new directory; {@code pieces} are tokens as the vocabulary has them. */
    static Path write(Path directory, List<String> pieces) throws IOException {
        Files.createDirectories(directory);
        for (String file : List.of("tokenizer.json", "tokenizer_config.json", "generation_config.json")) {
            Files.copy(DEMO.resolve(file), directory.resolve(file));
        }
        String template = THINKING_TEMPLATE + Files.readString(DEMO.resolve("chat_template.jinja"));
        Files.writeString(directory.resolve("chat_template.jinja"), template);
        ObjectNode config = (ObjectNode) JsonMapper.shared().readTree(DEMO.resolve("config.json"));
        config.put("tie_word_embeddings", false).put("num_hidden_layers", LAYERS);
        config.withArray("layer_types").removeAll().add("sliding_attention").add("full_attention");
        config.withArray("layer_types").insert(0, "sliding_attention").insert(0, "sliding_attention");
        Files.writeString(directory.resolve("config.json"), config.toString());
        Map<String, Tensor> tensors = silentLayers();
        int[] script = script(directory, pieces);
        tensors.put("lm_head.weight", head(script, tensors));
        writeTensors(directory.resolve("model.safetensors"), tensors);
        return directory;
    }

    private record Tensor(JsonNode shape, ByteBuffer bf16) {
        static Tensor of(JsonNode shape, ByteBuffer bytes) {
            return new Tensor(shape, bytes.order(ByteOrder.LITTLE_ENDIAN));
        }

        float value(int index) {
            return Float.intBitsToFloat(bf16.getShort(2 * index) << 16);
        }

        void set(int index, float value) {
            bf16.putShort(2 * index, (short) (Float.floatToRawIntBits(value) >> 16));
        }

        void fill(short bits) {
            for (int at = 0; at < bf16.limit(); at += 2) {
                bf16.putShort(at, bits);
            }
        }
    }

    private static int[] script(Path directory, List<String> pieces) {
        Tokenizer tokenizer = Tokenizer.load(directory);
        int[] ids = new int[pieces.size() + 1];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = tokenizer.id(i == 0 ? BEFORE : pieces.get(i - 1)).orElseThrow();
        }
        if (Arrays.stream(ids).distinct().count() != ids.length) {
            throw new AssertionError("a token is in the script twice: " + pieces);
        }
        return ids;
    }

    private static Map<String, Tensor> silentLayers() throws IOException {
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(DEMO.resolve("model.safetensors")))
                .order(ByteOrder.LITTLE_ENDIAN);
        int headerBytes = (int) file.getLong(0);
        String header = new String(file.array(), 8, headerBytes, StandardCharsets.UTF_8);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry :
                JsonMapper.shared().readTree(header).properties()) {
            String name = entry.getKey();
            JsonNode described = entry.getValue();
            if (name.equals("__metadata__") || layer(name) >= LAYERS) {
                continue;
            }
            int begin = described.get("data_offsets").get(0).asInt();
            int end = described.get("data_offsets").get(1).asInt();
            Tensor tensor = Tensor.of(described.get("shape"), file.slice(8 + headerBytes + begin, end - begin));
            if (name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight")) {
                tensor.fill((short) 0);
            } else if (name.equals("model.norm.weight")) {
                tensor.fill(ONE);
            }
            tensors.put(name, tensor);
        }
        return tensors;
    }

    private static int layer(String name) {
        return name.startsWith("model.layers.") ? Integer.parseInt(name.split("\\.", -1)[2]) : -1;
    }

    private static Tensor head(int[] script, Map<String, Tensor> tensors) {
        Tensor embeddings = tensors.get("model.embed_tokens.weight");
        if (embeddings == null) {
            throw new AssertionError(tensors.keySet().toString());
        }
        Tensor head = Tensor.of(
                embeddings.shape(), ByteBuffer.allocate(embeddings.bf16().limit()));
        for (int i = 1; i < script.length; i++) {
            double squares = 0;
            for (int d = 0; d < HIDDEN_SIZE; d++) {
                double value = embeddings.value(script[i - 1] * HIDDEN_SIZE + d);
                squares += value * value;
            }
            // The final norm gives the embedding a length of sqrt(HIDDEN_SIZE).
            double scale = LOGIT / Math.sqrt(squares * HIDDEN_SIZE);
            for (int d = 0; d < HIDDEN_SIZE; d++) {
                float value = embeddings.value(script[i - 1] * HIDDEN_SIZE + d);
                head.set(script[i] * HIDDEN_SIZE + d, (float) (value * scale));
            }
        }
        return head;
    }

    private static void writeTensors(Path file, Map<String, Tensor> tensors) throws IOException {
        ObjectNode header = JsonMapper.shared().createObjectNode();
        long at = 0;
        for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
            ObjectNode described = header.putObject(entry.getKey()).put("dtype", "BF16");
            described.set("shape", entry.getValue().shape());
            described
                    .putArray("data_offsets")
                    .add(at)
                    .add(at + entry.getValue().bf16().limit());
            at += entry.getValue().bf16().limit();
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(json.length)
                    .flip());
            channel.write(ByteBuffer.wrap(json));
            for (Tensor tensor : tensors.values()) {
                channel.write(tensor.bf16().duplicate().rewind());
            }
        }
    }
}
