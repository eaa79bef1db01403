package dev.jemma.models.loading;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.host.HostBuffer;
import dev.jemma.kernels.reference.ReferenceDevice;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.gemma.LayerWeights;
import dev.jemma.models.loading.CheckpointCopy.Raw;
import dev.jemma.models.safetensors.Floats;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the forward pass gets, against the bytes in the files. */
class WeightBinderTest {
    private static final Path GOLDEN = Path.of(System.getProperty("jemma.golden"));

    private final ReferenceDevice device = new ReferenceDevice();

    @TempDir
    private Path directory;

    private static float[] values(@Nullable VectorF32 vector) {
        VectorF32 present = Objects.requireNonNull(vector);
        byte[] bytes = new byte[4 * present.length()];
        present.at().buffer().read(present.at().byteOffset(), MemorySegment.ofArray(bytes));
        return Floats.read(MemorySegment.ofArray(bytes), DType.F32);
    }

    private static float[] factors(@Nullable Norm norm) {
        return values(Objects.requireNonNull(norm).factors());
    }

    private static float[] stored(CheckpointCopy copy, String name) {
        Raw raw = copy.tensor(name);
        return Floats.read(
                MemorySegment.ofArray(raw.bytes()),
                Objects.requireNonNull(raw.type().weightType()));
    }

    private static float[] mapped(float[] values, float factor, float summand) {
        float[] mapped = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            mapped[i] = values[i] * factor + summand;
        }
        return mapped;
    }

    @Test
    void gemma3NormsGetTheirOne() throws Exception {
        CheckpointCopy copy = CheckpointCopy.of(GOLDEN.resolve("gemma3"));
        try (GemmaModel model = GemmaModel.load(GOLDEN.resolve("gemma3"), device)) {
            LayerWeights layer = model.weights().layers().get(3);
            assertThat(factors(layer.postAttentionNorm()))
                    .containsExactly(mapped(stored(copy, "model.layers.3.post_attention_layernorm.weight"), 1, 1));
            assertThat(factors(layer.attention().headNorms().k()))
                    .containsExactly(mapped(stored(copy, "model.layers.3.self_attn.k_norm.weight"), 1, 1));
            assertThat(layer.attention().headNorms().v()).isNull();
            assertThat(factors(model.weights().norm()))
                    .containsExactly(mapped(stored(copy, "model.norm.weight"), 1, 1));
            assertThat(layer.layerScalar()).isEqualTo(1);
        }
    }

    @Test
    void gemma2HasNoHeadNorms() {
        try (GemmaModel model = GemmaModel.load(GOLDEN.resolve("gemma2"), device)) {
            assertThat(model.weights().layers().getFirst().attention().headNorms())
                    .isEqualTo(HeadNorms.NONE);
            assertThat(Objects.requireNonNull(model.weights().slidingRope()).headDim())
                    .isEqualTo(64);
        }
    }

    @Test
    void gemma4NormsAreAsStored() throws Exception {
        CheckpointCopy copy = CheckpointCopy.of(GOLDEN.resolve("gemma4-dense"));
        String prefix = "model.language_model.layers.3.";
        try (GemmaModel model = GemmaModel.load(GOLDEN.resolve("gemma4-dense"), device)) {
            LayerWeights full = model.weights().layers().get(3);
            assertThat(factors(full.inputNorm())).containsExactly(stored(copy, prefix + "input_layernorm.weight"));
            assertThat(full.attention().headNorms().v()).isEqualTo(new Norm(512, 1e-6f, null));
            assertThat(Objects.requireNonNull(full.attention().qkv()).v()).isNull();
            assertThat(full.layerScalar()).isEqualTo(stored(copy, prefix + "layer_scalar")[0]);
            assertThat(full.layerScalar()).isNotEqualTo(1);
            LayerWeights sliding = model.weights().layers().getFirst();
            assertThat(Objects.requireNonNull(sliding.attention().qkv()).v()).isNotNull();
            assertThat(Objects.requireNonNull(model.weights().slidingRope()).headDim())
                    .isEqualTo(256);
            assertThat(Objects.requireNonNull(model.weights().fullRope()).headDim())
                    .isEqualTo(512);
        }
    }

    @Test
    void sharedLayersHaveQueriesOnly() {
        try (GemmaModel model = GemmaModel.load(GOLDEN.resolve("gemma4-e"), device)) {
            LayerWeights.Attention shared = model.weights().layers().get(6).attention();
            assertThat(shared.qkv()).isNull();
            assertThat(shared.headNorms().q()).isNotNull();
            assertThat(shared.headNorms().k()).isNull();
            assertThat(shared.headNorms().v()).isNull();
            assertThat(model.weights().perLayerEmbedding()).satisfies(ple -> {
                assertThat(ple).isNotNull();
                assertThat(ple.table().cols()).isEqualTo(160);
                assertThat(ple.modelProjection().rows()).isEqualTo(160);
            });
        }
    }

    @Test
    void stacksOfExpertsAreCutInPlace() throws Exception {
        CheckpointCopy copy = CheckpointCopy.of(GOLDEN.resolve("gemma4-moe"));
        String prefix = "model.language_model.layers.0.";
        try (GemmaModel model = GemmaModel.load(GOLDEN.resolve("gemma4-moe"), device)) {
            LayerWeights.Experts experts =
                    Objects.requireNonNull(model.weights().layers().getFirst().experts());
            assertThat(experts.gate().stack()).isSameAs(experts.up().stack());
            byte[] stack = copy.tensor(prefix + "experts.gate_up_proj").bytes();
            // Expert 5: 128 rows of 64 BF16 each, the first 64 of them gate, the rest up.
            int row = 64 * Short.BYTES;
            assertThat(bytes(experts.gate(), 5)[0]).isEqualTo(stack[5 * 128 * row]);
            assertThat(bytes(experts.up(), 5))
                    .startsWith(Arrays.copyOfRange(stack, (5 * 128 + 64) * row, 6 * 128 * row));
            assertThat(experts.down().expert(7).rows()).isEqualTo(64);
            assertThat(factors(experts.routerNorm()))
                    .containsExactly(mapped(stored(copy, prefix + "router.scale"), 0.125f, 0));
            assertThat(values(experts.expertScale())).containsExactly(stored(copy, prefix + "router.per_expert_scale"));
        }
    }

    private static byte[] bytes(ExpertWeight weight, int expert) {
        DenseWeight matrix = (DenseWeight) weight.expert(expert);
        return HostBuffer.segment(matrix.at()).asSlice(0, matrix.byteSize()).toArray(ValueLayout.JAVA_BYTE);
    }

    @Test
    void quantizedExpertsKeepTheirOwnSettings() {
        try (GemmaModel model = GemmaModel.load(GOLDEN.resolve("gemma4-moe-mlx-4bit"), device)) {
            LayerWeights layer = model.weights().layers().get(2);
            LayerWeights.Experts experts = Objects.requireNonNull(layer.experts());
            AffineWeight up = (AffineWeight) experts.up().stack();
            assertThat(up.rows()).isEqualTo(8 * 64);
            assertThat(up.bits()).isEqualTo(4);
            assertThat(up.groupSize()).isEqualTo(32);
            assertThat(((AffineWeight) experts.router()).bits()).isEqualTo(8);
            assertThat(((AffineWeight) layer.mlp().gate()).bits()).isEqualTo(8);
        }
    }

    @Test
    void unalignedWeightsAreBoundInPlace() throws Exception {
        CheckpointCopy copy = CheckpointCopy.of(GOLDEN.resolve("gemma3"));
        copy.misalign();
        copy.write(directory);
        try (GemmaModel model = GemmaModel.load(directory, device)) {
            DenseWeight embedding = (DenseWeight) model.weights().embedTokens();
            MemorySegment memory = HostBuffer.segment(embedding.at());
            assertThat(memory.address() % 2).isEqualTo(1);
            assertThat(memory.isReadOnly())
                    .as("the mapped file itself, no copy")
                    .isTrue();
            assertThat(memory.asSlice(0, embedding.byteSize()).toArray(ValueLayout.JAVA_BYTE))
                    .isEqualTo(copy.tensor("model.embed_tokens.weight").bytes());
            assertThat(factors(model.weights().norm()))
                    .containsExactly(mapped(stored(copy, "model.norm.weight"), 1, 1));
        }
    }
}
