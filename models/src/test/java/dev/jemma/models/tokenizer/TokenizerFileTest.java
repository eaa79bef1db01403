package dev.jemma.models.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.jemma.models.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Files that are missing, broken, hostile or not Gemma's. */
class TokenizerFileTest {
    private static final List<JsonNode> OTHERS = List.copyOf(JsonMapper.shared()
            .readTree(
                    "[null, -1, 1e99, 2147483647, true, \"\", \"(\", \"\u2581\", \"ByteLevel\", [], {}, [1], {\"a\": 1}]")
            .values());

    @TempDir
    private Path directory;

    @Test
    void aMissingFileIsNamed() {
        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(() -> Tokenizer.load(directory))
                .withMessageContaining(directory.resolve("tokenizer.json").toString())
                .withMessageContaining("missing");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "{", "[]", "null", "{}", "{\"added_tokens\":[]}", "\u0000\u0001", "{\"added_tokens\":{}}"})
    void brokenFilesAreRefused(String json) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), json);
        assertRefused("not a Gemma tokenizer");
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.0, 0.01, 0.5, 0.999})
    void truncatedFilesAreRefused(double share) throws IOException {
        byte[] whole = Files.readAllBytes(Checkpoints.DEMO.resolve("tokenizer.json"));
        Files.write(directory.resolve("tokenizer.json"), java.util.Arrays.copyOf(whole, (int) (share * whole.length)));
        assertRefused("not a Gemma tokenizer");
    }

    @ParameterizedTest
    @CsvSource({"-1", "16777217", "2147483647"})
    void hostileIdsAreRefused(int id) throws IOException {
        ObjectNode json = tiny();
        ((ObjectNode) json.required("model").required("vocab")).put("huge", id);
        write(json);
        assertRefused("\"huge\" has id " + id);
    }

    @Test
    void otherModelsAreRefusedByName() throws IOException {
        ObjectNode json = tiny();
        ((ObjectNode) json.required("model")).put("type", "Unigram");
        write(json);
        assertRefused("model.type [type=Unigram]");
    }

    @Test
    void otherDecodersAreRefused() throws IOException {
        ObjectNode json = tiny();
        json.putObject("decoder").put("type", "ByteLevel");
        write(json);
        assertRefused("decoder [type=ByteLevel]");
    }

    @Test
    void fieldsOverWhichTheLibraryAbortsNeverReachIt() throws IOException {
        ObjectNode json = tiny();
        ((ObjectNode) json.required("model")).put("continuing_subword_prefix", "ByteLevel");
        write(json);
        assertRefused("model.continuing_subword_prefix");
    }

    /** Values of other kinds in every place the library looks at: refused or harmless, never the end of the process. */
    @Test
    void changedValuesAreRefusedOrHarmless() throws IOException {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            ObjectNode json = tiny();
            change(json, random);
            write(json);
            try {
                assertThat(Tokenizer.load(directory).encode("a <eos> b"))
                        .as("seed %d", seed)
                        .isNotEmpty();
            } catch (ModelFormatException e) {
                assertThat(e).as("seed %d", seed).hasMessageStartingWith(directory.toString());
            }
        }
    }

    private static void change(JsonNode root, Random random) {
        JsonNode node = root;
        while (true) {
            List<JsonNode> values = List.copyOf(node.values());
            int at = random.nextInt(values.size());
            JsonNode value = values.get(at);
            if (value.isContainer() && !value.isEmpty() && random.nextInt(5) > 0) {
                node = value;
            } else {
                JsonNode other = OTHERS.get(random.nextInt(OTHERS.size()));
                if (node instanceof ObjectNode object) {
                    object.set(List.copyOf(object.propertyNames()).get(at), other);
                } else {
                    ((ArrayNode) node).set(at, other);
                }
                return;
            }
        }
    }

    @Test
    void missingByteTokensAreRefused() throws IOException {
        ObjectNode json = tiny();
        ((ObjectNode) json.required("model").required("vocab")).remove("<0x80>");
        write(json);
        assertRefused("no token <0x80>");
    }

    @Test
    void mergesThatSpellAControlTokenDoNotMakeOne() throws IOException {
        ObjectNode json = tiny();
        write(json);
        Tokenizer tokenizer = Tokenizer.load(directory);
        int[] ids = tokenizer.encode("a<eos>b<eos>");
        assertThat(IntStream.of(ids)).noneMatch(tokenizer::isControl);
        assertThat(tokenizer.decode(ids)).isEqualTo("a<eos>b<eos>");
    }

    @Test
    void turnTokensInTheVocabularyOnlyAreControlTokens() throws IOException {
        ObjectNode json = tiny();
        ((ObjectNode) json.required("model").required("vocab")).put("<end_of_turn>", 400);
        write(json);
        Tokenizer tokenizer = Tokenizer.load(directory);
        assertThat(tokenizer.isControl(400)).isTrue();
        assertThat(tokenizer.vocabSize()).isEqualTo(401);
        assertThat(tokenizer.encodeWithControls("<end_of_turn>")).containsExactly(400);
    }

    @Test
    void aFilesOwnTruncationAndPaddingAreOff() throws IOException {
        ObjectNode json = tiny();
        json.putObject("truncation")
                .put("direction", "Right")
                .put("max_length", 2)
                .put("strategy", "LongestFirst")
                .put("stride", 0);
        write(json);
        assertThat(Tokenizer.load(directory).encode("abcdef")).hasSize(6);
    }

    private void assertRefused(String why) {
        assertThatExceptionOfType(ModelFormatException.class)
                .isThrownBy(() -> Tokenizer.load(directory))
                .withMessageContaining(directory.toString())
                .withMessageContaining(why);
    }

    private void write(ObjectNode json) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), json.toString());
    }

    /** Specials 0 to 3, bytes 4 to 259, {@code <eos>} also reachable by merges. */
    private static ObjectNode tiny() {
        ObjectNode json = JsonMapper.shared().createObjectNode();
        json.put("version", "1.0");
        ArrayNode added = json.putArray("added_tokens");
        ObjectNode model = JsonMapper.shared().createObjectNode();
        ObjectNode vocab = model.put("type", "BPE")
                .put("byte_fallback", true)
                .put("unk_token", "<unk>")
                .put("fuse_unk", true)
                .putObject("vocab");
        for (String special : new String[] {"<pad>", "<eos>", "<bos>", "<unk>"}) {
            added.addObject()
                    .put("id", vocab.size())
                    .put("content", special)
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", false)
                    .put("special", true);
            vocab.put(special, vocab.size());
        }
        IntStream.range(0, 256).forEach(b -> vocab.put("<0x%02X>".formatted(b), vocab.size()));
        ArrayNode merges = model.putArray("merges");
        for (String token : new String[] {"<", "e", "o", "s", ">", "<e", "os", "os>"}) {
            vocab.put(token, vocab.size());
        }
        for (String merge : new String[] {"< e", "o s", "os >", "<e os>"}) {
            merges.add(merge);
        }
        ArrayNode decoders = json.putObject("decoder").put("type", "Sequence").putArray("decoders");
        ObjectNode replace = decoders.addObject().put("type", "Replace");
        replace.putObject("pattern").put("String", "\u2581");
        replace.put("content", " ");
        decoders.addObject().put("type", "ByteFallback");
        decoders.addObject().put("type", "Fuse");
        json.set("model", model);
        return json;
    }
}
