package dev.jemma.models.loading;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.DeviceException;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.ModelFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What stays behind when loading fails, and damage that must fail in an orderly way. */
class LoadFailureTest {
    private static final Path GOLDEN = Path.of(System.getProperty("jemma.golden"));

    @TempDir
    private Path directory;

    /** Files below {@code directory} that this process has mapped; empty where there is no /proc. */
    private static List<String> mapped(Path directory) throws IOException {
        Path maps = Path.of("/proc/self/maps");
        if (!Files.isReadable(maps)) {
            return List.of();
        }
        try (Stream<String> lines = Files.lines(maps)) {
            return lines.filter(line -> line.contains(directory.toString())).toList();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma3-f16-sharded", "gemma4-e", "gemma4-moe-mlx-4bit"})
    void nothingStaysOpenWhereverLoadingFails(String folder) throws Exception {
        Path checkpoint = GOLDEN.resolve(folder);
        CountingDevice roomy = new CountingDevice(Integer.MAX_VALUE);
        try (GemmaModel model = GemmaModel.load(checkpoint, roomy)) {
            assertThat(roomy.open()).hasSize(roomy.made());
            assertThat(model.weights().layers()).isNotEmpty();
            if (Files.isReadable(Path.of("/proc/self/maps"))) {
                assertThat(mapped(checkpoint)).isNotEmpty();
            }
        }
        assertThat(roomy.open()).isEmpty();
        assertThat(mapped(checkpoint)).isEmpty();
        for (int capacity = 0; capacity < roomy.made(); capacity++) {
            CountingDevice full = new CountingDevice(capacity);
            assertThatThrownBy(() -> GemmaModel.load(checkpoint, full)).isInstanceOf(DeviceException.OutOfMemory.class);
            assertThat(full.made()).isEqualTo(capacity);
            assertThat(full.open()).isEmpty();
        }
        assertThat(mapped(checkpoint)).isEmpty();
    }

    @Test
    void aRefusedCheckpointIsUnmapped() throws Exception {
        CheckpointCopy copy = CheckpointCopy.of(GOLDEN.resolve("gemma3"));
        copy.tensors().remove("model.norm.weight");
        copy.write(directory);
        CountingDevice device = new CountingDevice(Integer.MAX_VALUE);
        assertThatThrownBy(() -> GemmaModel.load(directory, device)).isInstanceOf(ModelFormatException.class);
        assertThat(device.made()).isZero();
        assertThat(mapped(directory)).isEmpty();
    }

    /** Numbers and names of config.json are changed at random: it loads, or is refused; nothing else. */
    @ParameterizedTest
    @ValueSource(strings = {"gemma2", "gemma3-mlx-4bit", "gemma4-e", "gemma4-moe", "gemma4-moe-mlx-4bit"})
    void damagedConfigurationsAreRefusedOrLoad(String folder) throws Exception {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        CheckpointCopy copy = CheckpointCopy.of(GOLDEN.resolve(folder));
        String config = copy.config();
        copy.write(directory);
        int refused = 0;
        int rounds = 200;
        for (int round = 0; round < rounds; round++) {
            String damaged = damage(config, random);
            Files.writeString(directory.resolve("config.json"), damaged);
            CountingDevice device = new CountingDevice(Integer.MAX_VALUE);
            try (GemmaModel model = GemmaModel.load(directory, device)) {
                assertThat(model.parameterCount()).isPositive();
            } catch (ModelFormatException expected) {
                refused++;
            } catch (RuntimeException | Error bug) {
                throw new AssertionError("seed " + seed + ", round " + round + ": " + damaged, bug);
            }
            assertThat(device.open()).as("seed %d, round %d", seed, round).isEmpty();
        }
        assertThat(refused).as("seed %d", seed).isBetween(rounds / 20, rounds - 1);
        assertThat(mapped(directory)).isEmpty();
    }

    private static String damage(String config, SplittableRandom random) {
        String[] values = {"0", "1", "3", "-1", "64", "1e30", "2147483648", "null", "true", "[]", "{}", "\"x\"", "0.5"};
        String[] lines = config.split("\n", -1);
        int line = random.nextInt(lines.length);
        int colon = lines[line].indexOf(':');
        if (colon < 0 || random.nextInt(4) == 0) {
            int at = random.nextInt(config.length());
            return config.substring(0, at) + (char) ('0' + random.nextInt(75)) + config.substring(at + 1);
        }
        String rest = lines[line].endsWith(",") ? "," : "";
        boolean container = lines[line].endsWith("{") || lines[line].endsWith("[");
        lines[line] = container
                ? lines[line].replaceFirst("\"", "\"x_")
                : lines[line].substring(0, colon + 1) + values[random.nextInt(values.length)] + rest;
        return String.join("\n", lines);
    }
}
