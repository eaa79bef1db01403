package dev.jemma.models.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.kernels.DType;
import dev.jemma.models.gemma.ExpertConfig;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.gemma.GemmaConfig.Family;
import dev.jemma.models.gemma.LayerConfig;
import dev.jemma.models.gemma.RopeConfig;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every published size, its configuration against the numbers of the model cards and of Hugging Face's files. */
class PublishedSizesTest {
    private static final RopeConfig LOCAL = new RopeConfig(10_000, 1, 1);
    private static final RopeConfig GLOBAL = new RopeConfig(1_000_000, 1, 1);
    private static final RopeConfig GLOBAL_BY_8 = new RopeConfig(1_000_000, 8, 1);
    private static final RopeConfig PROPORTIONAL = new RopeConfig(1_000_000, 1, 0.25f);

    /** Reference values are printed with 7 decimals, half a unit off at most, and compared as floats near 1. */
    private static final Offset<Float> SEVEN_DIGITS = within(1e-7f);

    @TempDir
    private Path directory;

    private GemmaConfig config(String name) throws Exception {
        try (InputStream in = getClass().getResourceAsStream("/dev/jemma/models/synthetic/" + name + ".json")) {
            Files.write(
                    directory.resolve("config.json"), Objects.requireNonNull(in).readAllBytes());
        }
        return CheckpointConfig.read(directory, DType.F32).gemma();
    }

    /** [layers, hidden, feed-forward, heads, vocabulary, context, window]. */
    private static List<Integer> shape(GemmaConfig c) {
        return List.of(
                c.numLayers(),
                c.hiddenSize(),
                c.layers().getFirst().intermediateSize(),
                c.numHeads(),
                c.vocabSize(),
                c.maxPositionEmbeddings(),
                c.slidingWindow());
    }

    /** [head dimension, key-value heads] of the layers of a type. */
    private static List<Integer> heads(GemmaConfig c, boolean sliding) {
        List<List<Integer>> heads = c.layers().stream()
                .filter(layer -> layer.sliding() == sliding)
                .map(layer -> List.of(layer.headDim(), layer.numKvHeads()))
                .distinct()
                .toList();
        assertThat(heads).hasSize(1);
        return heads.getFirst();
    }

    private static List<Integer> fullLayers(GemmaConfig c) {
        return IntStream.range(0, c.numLayers())
                .filter(i -> !c.layers().get(i).sliding())
                .boxed()
                .toList();
    }

    /** first, first + step, ..., below end. */
    private static List<Integer> every(int first, int step, int end) {
        return IntStream.iterate(first, i -> i < end, i -> i + step).boxed().toList();
    }

    private static void gemma2(GemmaConfig c, float scale, float embedding) {
        assertThat(c.family()).isEqualTo(Family.GEMMA2);
        assertThat(fullLayers(c)).isEqualTo(every(1, 2, c.numLayers()));
        assertThat(List.of(c.slidingRope(), c.fullRope())).containsExactly(LOCAL, LOCAL);
        assertThat(List.of(c.attnLogitSoftcap(), c.finalLogitSoftcap())).containsExactly(50f, 30f);
        common(c, scale, embedding);
    }

    private static void gemma3(GemmaConfig c, RopeConfig full, float scale, float embedding) {
        assertThat(c.family()).isEqualTo(Family.GEMMA3);
        assertThat(fullLayers(c)).isEqualTo(every(5, 6, c.numLayers()));
        assertThat(List.of(c.slidingRope(), c.fullRope())).containsExactly(LOCAL, full);
        assertThat(List.of(c.attnLogitSoftcap(), c.finalLogitSoftcap())).containsExactly(0f, 0f);
        common(c, scale, embedding);
    }

    private static void gemma4(GemmaConfig c, int pattern, float embedding) {
        assertThat(c.family()).isEqualTo(Family.GEMMA4);
        assertThat(fullLayers(c)).isEqualTo(every(pattern - 1, pattern, c.numLayers()));
        assertThat(fullLayers(c)).last().isEqualTo(c.numLayers() - 1);
        assertThat(List.of(c.slidingRope(), c.fullRope())).containsExactly(LOCAL, PROPORTIONAL);
        assertThat(List.of(c.attnLogitSoftcap(), c.finalLogitSoftcap())).containsExactly(0f, 30f);
        common(c, 1, embedding);
    }

    private static void common(GemmaConfig c, float scale, float embedding) {
        assertThat(c.attentionScale()).isEqualTo(scale);
        assertThat(c.embeddingScale()).isEqualTo(embedding);
        assertThat(c.rmsNormEps()).isEqualTo(1e-6f);
        assertThat(c.tieWordEmbeddings()).isTrue();
    }

    private static void noSharing(GemmaConfig c) {
        assertThat(c.firstKvSharedLayer()).isEqualTo(c.numLayers());
        assertThat(c.layers().stream().map(LayerConfig::intermediateSize).distinct())
                .hasSize(1);
    }

    @Test
    void gemma2With2B() throws Exception {
        GemmaConfig c = config("gemma-2-2b");
        assertThat(shape(c)).containsExactly(26, 2304, 9216, 8, 256_000, 8192, 4096);
        assertThat(heads(c, true)).containsExactly(256, 4);
        assertThat(heads(c, false)).containsExactly(256, 4);
        gemma2(c, 1 / 16f, 48);
    }

    @Test
    void gemma2With9B() throws Exception {
        GemmaConfig c = config("gemma-2-9b");
        assertThat(shape(c)).containsExactly(42, 3584, 14_336, 16, 256_000, 8192, 4096);
        assertThat(heads(c, false)).containsExactly(256, 8);
        gemma2(c, 1 / 16f, 59.75f);
    }

    @Test
    void gemma2With27B() throws Exception {
        GemmaConfig c = config("gemma-2-27b");
        assertThat(shape(c)).containsExactly(46, 4608, 36_864, 32, 256_000, 8192, 4096);
        assertThat(heads(c, false)).containsExactly(128, 16);
        gemma2(c, 1 / 12f, 68);
    }

    @Test
    void gemma3With270M() throws Exception {
        GemmaConfig c = config("gemma-3-270m");
        assertThat(shape(c)).containsExactly(18, 640, 2048, 4, 262_144, 32_768, 512);
        assertThat(heads(c, true)).containsExactly(256, 1);
        gemma3(c, GLOBAL, 1 / 16f, 25.25f);
        noSharing(c);
    }

    @Test
    void gemma3With1B() throws Exception {
        GemmaConfig c = config("gemma-3-1b");
        assertThat(shape(c)).containsExactly(26, 1152, 6912, 4, 262_144, 32_768, 512);
        assertThat(heads(c, true)).containsExactly(256, 1);
        assertThat(fullLayers(c)).containsExactly(5, 11, 17, 23);
        gemma3(c, GLOBAL, 1 / 16f, 34);
    }

    @Test
    void gemma3With4B() throws Exception {
        GemmaConfig c = config("gemma-3-4b");
        assertThat(shape(c)).containsExactly(34, 2560, 10_240, 8, 262_208, 131_072, 1024);
        assertThat(heads(c, true)).containsExactly(256, 4);
        gemma3(c, GLOBAL_BY_8, 1 / 16f, 50.5f);
        float[] frequencies = c.fullRope().inverseFrequencies(256);
        assertThat(frequencies).hasSize(128);
        assertThat(frequencies[0]).isEqualTo(0.125f);
        assertThat(frequencies[1]).isCloseTo(0.1122109f, SEVEN_DIGITS);
    }

    @Test
    void gemma3With12B() throws Exception {
        GemmaConfig c = config("gemma-3-12b");
        assertThat(shape(c)).containsExactly(48, 3840, 15_360, 16, 262_208, 131_072, 1024);
        assertThat(heads(c, false)).containsExactly(256, 8);
        gemma3(c, GLOBAL_BY_8, 1 / 16f, 62);
    }

    @Test
    void gemma3With27B() throws Exception {
        GemmaConfig c = config("gemma-3-27b");
        assertThat(shape(c)).containsExactly(62, 5376, 21_504, 32, 262_208, 131_072, 1024);
        assertThat(heads(c, false)).containsExactly(128, 16);
        gemma3(c, GLOBAL_BY_8, (float) Math.pow(168, -0.5), 73.5f);
    }

    @Test
    void gemma4WithE2B() throws Exception {
        GemmaConfig c = config("gemma-4-e2b");
        assertThat(shape(c)).containsExactly(35, 1536, 6144, 8, 262_144, 131_072, 512);
        assertThat(heads(c, true)).containsExactly(256, 1);
        assertThat(heads(c, false)).containsExactly(512, 1);
        gemma4(c, 5, 39.25f);
        assertThat(c.perLayerInputSize()).isEqualTo(256);
        assertThat(c.firstKvSharedLayer()).isEqualTo(15);
        for (LayerConfig layer : c.layers().subList(15, 35)) {
            assertThat(layer.kvSource()).isEqualTo(layer.sliding() ? 13 : 14);
            assertThat(layer.intermediateSize()).isEqualTo(12_288);
        }
        assertThat(c.layers().get(14).intermediateSize()).isEqualTo(6144);
        assertThat(c.layers()).noneMatch(LayerConfig::valuesFromKeys);
    }

    @Test
    void gemma4WithE4B() throws Exception {
        GemmaConfig c = config("gemma-4-e4b");
        assertThat(shape(c)).containsExactly(42, 2560, 10_240, 8, 262_144, 131_072, 512);
        assertThat(heads(c, true)).containsExactly(256, 2);
        assertThat(heads(c, false)).containsExactly(512, 2);
        gemma4(c, 6, 50.5f);
        assertThat(c.perLayerInputSize()).isEqualTo(256);
        assertThat(c.firstKvSharedLayer()).isEqualTo(24);
        for (LayerConfig layer : c.layers().subList(24, 42)) {
            assertThat(layer.kvSource()).isEqualTo(layer.sliding() ? 22 : 23);
            assertThat(layer.intermediateSize()).isEqualTo(10_240);
        }
    }

    @Test
    void gemma4With12B() throws Exception {
        GemmaConfig c = config("gemma-4-12b");
        assertThat(shape(c)).containsExactly(48, 3840, 15_360, 16, 262_144, 262_144, 1024);
        assertThat(heads(c, true)).containsExactly(256, 8);
        assertThat(heads(c, false)).containsExactly(512, 1);
        gemma4(c, 6, 62);
        valuesFromKeysOnFullLayers(c);
    }

    @Test
    void gemma4With26BInExperts() throws Exception {
        GemmaConfig c = config("gemma-4-26b-a4b");
        assertThat(shape(c)).containsExactly(30, 2816, 2112, 16, 262_144, 262_144, 1024);
        assertThat(heads(c, true)).containsExactly(256, 8);
        assertThat(heads(c, false)).containsExactly(512, 2);
        gemma4(c, 6, 53);
        valuesFromKeysOnFullLayers(c);
        assertThat(c.experts()).isEqualTo(new ExpertConfig(128, 8, 704));
    }

    @Test
    void gemma4With31B() throws Exception {
        GemmaConfig c = config("gemma-4-31b");
        assertThat(shape(c)).containsExactly(60, 5376, 21_504, 32, 262_144, 262_144, 1024);
        assertThat(heads(c, true)).containsExactly(256, 16);
        assertThat(heads(c, false)).containsExactly(512, 4);
        gemma4(c, 6, 73.5f);
        valuesFromKeysOnFullLayers(c);
        float[] frequencies = c.fullRope().inverseFrequencies(512);
        assertThat(frequencies).hasSize(256);
        assertThat(frequencies[0]).isEqualTo(1);
        assertThat(frequencies[1]).isCloseTo(0.9474635f, SEVEN_DIGITS);
        assertThat(frequencies[2]).isCloseTo(0.8976871f, SEVEN_DIGITS);
        assertThat(frequencies[63]).isCloseTo(0.03337625f, SEVEN_DIGITS);
        assertThat(frequencies[64]).isZero();
        assertThat(frequencies[255]).isZero();
    }

    private static void valuesFromKeysOnFullLayers(GemmaConfig c) {
        assertThat(c.layers()).allMatch(layer -> layer.valuesFromKeys() != layer.sliding());
        assertThat(c.perLayerInputSize()).isZero();
        noSharing(c);
    }
}
