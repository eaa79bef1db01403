package dev.jemma.models.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.models.ModelFormatException;
import dev.jemma.models.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsCheckpointTest {
    @TempDir
    private Path directory;

    private void shard(String file, String... tensors) {
        List<Entry> entries = Arrays.stream(tensors)
                .map(name -> new Entry(name, ElementType.U8, List.of(1L)))
                .toList();
        try (SafetensorsWriter writer = SafetensorsWriter.create(directory.resolve(file), entries, Map.of())) {
            entries.forEach(entry -> writer.write(entry.name(), MemorySegment.ofArray(new byte[1])));
            writer.finish();
        }
    }

    private void index(String weightMap) throws IOException {
        Files.writeString(
                directory.resolve("model.safetensors.index.json"),
                "{\"metadata\":{\"total_size\":3,\"x\":[1,{}]},\"weight_map\":" + weightMap.replace('\'', '"') + "}");
    }

    private void refused(String message) {
        assertThatThrownBy(() -> SafetensorsCheckpoint.open(directory).close())
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining(message);
    }

    @Test
    void shardsAreOneSetOfTensors() throws Exception {
        shard("m-1.safetensors", "a", "b");
        shard("m-2.safetensors", "c", "unlisted");
        index("{'a':'m-1.safetensors','c':'m-2.safetensors','b':'m-1.safetensors'}");
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(directory)) {
            assertThat(checkpoint.tensors().keySet()).containsExactlyInAnyOrder("a", "b", "c", "unlisted");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'a':'../m-1.safetensors'} | expected the name of a .safetensors file beside the index, got ../m-1.safetensors",
                "{'a':'/etc/m-1.safetensors'} | got /etc/m-1.safetensors",
                "{'a':'sub\\\\m-1.safetensors'} | got sub\\m-1.safetensors",
                "{'a':'..'} | got ..",
                "{'a':'passwd'} | got passwd",
                "{'a':'m-3.safetensors'} | m-3.safetensors: missing",
                "{'a':'m-2.safetensors'} | tensor a; expected it in m-2.safetensors, got no such tensor in any shard",
                "{'a':'m-1.safetensors','b':'m-2.safetensors','c':'m-2.safetensors'} | tensor b; expected it in m-2.safetensors, got it in m-1.safetensors",
                "{'a':'m-1.safetensors','z':'m-1.safetensors'} | tensor z; expected it in m-1.safetensors, got no such tensor",
                "{'a':'m-1.safetensors','a':'m-1.safetensors'} | a is listed twice",
                "{'a':7} | a: expected a file name, got VALUE_NUMBER_INT",
                "{} | expected a weight_map with entries, got none",
                "[] | expected an object, got START_ARRAY",
                "{'a':'m-1.safetensors'},'weight_map':{} | weight_map is listed twice",
                "{'a':'m-1.safetensors' | not valid JSON",
            })
    void refusesIndexesThatLie(String weightMap, String message) throws Exception {
        shard("m-1.safetensors", "a", "b");
        shard("m-2.safetensors", "c");
        index(weightMap);
        refused(message);
    }

    @Test
    void refusesATensorInTwoShards() throws Exception {
        shard("m-1.safetensors", "a");
        shard("m-2.safetensors", "a", "b");
        index("{'a':'m-1.safetensors','b':'m-2.safetensors'}");
        refused("tensor a is also in");
    }

    @Test
    void refusesADamagedShard() throws Exception {
        shard("m-1.safetensors", "a");
        Files.write(directory.resolve("m-2.safetensors"), new byte[20]);
        index("{'a':'m-1.safetensors','b':'m-2.safetensors'}");
        refused("m-2.safetensors: header");
    }

    @Test
    void aSingleFileMayHaveAnyName() {
        shard("weights.00.safetensors", "a");
        try (SafetensorsCheckpoint checkpoint = SafetensorsCheckpoint.open(directory)) {
            assertThat(checkpoint.tensors().keySet()).containsExactly("a");
        }
        shard("weights.01.safetensors", "b");
        refused("2 .safetensors files; expected model.safetensors or model.safetensors.index.json");
    }

    @ParameterizedTest
    @CsvSource({
        "gemma.gguf, 'got gemma.gguf; Jemma does not read GGUF, download the safetensors'",
        "pytorch_model.bin, 'got pytorch_model.bin; convert it to safetensors'",
        "weights.npz, got weights.npz; convert it",
        "README.md, got none; download the model's .safetensors",
    })
    void saysWhatToDoWithOtherFormats(String file, String message) throws Exception {
        Files.writeString(directory.resolve(file), "x");
        refused(message);
    }
}
