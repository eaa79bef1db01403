package dev.jemma.models.loading;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.reference.ReferenceDevice;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.ModelFormatException;
import dev.jemma.models.loading.CheckpointCopy.Raw;
import dev.jemma.models.safetensors.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which tensors may be there, must be there, and must not be there. */
class TensorChecksTest {
    private static final Path GOLDEN = Path.of(System.getProperty("jemma.golden"));
    private static final String LAYER = "model.layers.1.";
    private static final String LAYER4 = "model.language_model.layers.1.";
    private static final String MLX_LAYER = "language_model.model.layers.1.";

    private final ReferenceDevice device = new ReferenceDevice();

    @TempDir
    private Path directory;

    private static CheckpointCopy copy(String folder) throws IOException {
        return CheckpointCopy.of(GOLDEN.resolve(folder));
    }

    private GemmaModel load(CheckpointCopy copy) throws IOException {
        return GemmaModel.load(copy.write(directory), device);
    }

    private void refused(CheckpointCopy copy, String... pieces) {
        assertThatThrownBy(() -> load(copy).close())
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContainingAll(pieces);
    }

    @Test
    void prefixesOfAllExports() throws Exception {
        for (String prefix : new String[] {"", "model.", "language_model.model.", "model.language_model.", "x.y."}) {
            CheckpointCopy copy = copy("gemma3");
            copy.rename(name -> name.replaceFirst("^model\\.", prefix));
            try (GemmaModel model = load(copy)) {
                assertThat(model.parameterCount()).as(prefix).isEqualTo(931_136);
            }
        }
    }

    @Test
    void tensorsOfOtherModalitiesAreIgnored() throws Exception {
        CheckpointCopy copy = copy("gemma3-multimodal");
        Raw odd = Raw.zeros(ElementType.F64, 3L);
        for (String name : new String[] {
            "vision_tower.vision_model.embeddings.patch_embedding.weight",
            "multi_modal_projector.mm_soft_emb_norm.weight",
            "audio_tower.layers.0.input_max",
            "embed_vision.embed_tokens.weight",
            "projector.of.another.tower",
            "language_model.model.layers.0.self_attn.rotary_emb.inv_freq",
        }) {
            copy.tensors().put(name, odd);
        }
        try (GemmaModel model = load(copy)) {
            assertThat(model.ignoredTensors()).isEqualTo(6);
            assertThat(model.parameterCount()).isEqualTo(461_120);
        }
    }

    @Test
    void copiesOfATiedHeadAreIgnored() throws Exception {
        CheckpointCopy copy = copy("gemma3");
        copy.tensors().put("lm_head.weight", copy.tensor("model.embed_tokens.weight"));
        try (GemmaModel model = load(copy)) {
            assertThat(model.weights().lmHead()).isSameAs(model.weights().embedTokens());
            assertThat(model.ignoredTensors()).isEqualTo(1);
        }
    }

    @Test
    void anUntiedHeadMustBeThere() throws Exception {
        CheckpointCopy copy = copy("gemma3-f32-untied");
        try (GemmaModel model = load(copy)) {
            assertThat(model.weights().lmHead()).isNotEqualTo(model.weights().embedTokens());
        }
        copy.rename(name -> name.replace("lm_head", "language_model.lm_head"));
        load(copy).close();
        copy.tensors().remove("language_model.lm_head.weight");
        refused(copy, "lm_head.weight: expected BF16, F16 or F32 [1024, 64], got no such tensor");
    }

    @Test
    void keysAndValuesOfSharedLayersAreIgnored() throws Exception {
        CheckpointCopy copy = copy("gemma4-e");
        String layer = "model.language_model.layers.7.self_attn.";
        Raw junk = Raw.zeros(ElementType.BF16, 64L, 64L);
        Map.of("k_proj.weight", junk, "v_proj.weight", junk, "k_norm.weight", Raw.zeros(ElementType.BF16, 64L))
                .forEach((name, tensor) -> copy.tensors().put(layer + name, tensor));
        try (GemmaModel model = load(copy)) {
            assertThat(model.ignoredTensors()).isEqualTo(3);
            assertThat(model.parameterCount()).isEqualTo(973_210);
        }
        copy.tensors().put("model.language_model.layers.7.self_attn.v_norm.weight", junk);
        refused(copy, "layers.7.self_attn.v_norm.weight: unknown tensor BF16 [64, 64]");
    }

    @Test
    void unknownDecoderTensorsAreRefused() throws Exception {
        CheckpointCopy copy = copy("gemma3");
        copy.tensors().put(LAYER + "self_attn.q_proj.bias", Raw.zeros(ElementType.BF16, 512L));
        copy.tensors().put("model.layers.7.input_layernorm.weight", Raw.zeros(ElementType.BF16, 64L));
        copy.tensors().put("score.weight", Raw.zeros(ElementType.BF16, 2L, 64L));
        refused(
                copy,
                directory + ": the tensors are not those that config.json calls for; ",
                LAYER + "self_attn.q_proj.bias: unknown tensor BF16 [512], which the model may need",
                "model.layers.7.input_layernorm.weight: unknown tensor",
                "score.weight: unknown tensor",
                "; download config.json and weights of one checkpoint");
    }

    @Test
    void everyProblemIsNamed() throws Exception {
        CheckpointCopy copy = copy("gemma3");
        copy.tensors().remove(LAYER + "mlp.up_proj.weight");
        copy.tensors().put(LAYER + "mlp.down_proj.weight", Raw.zeros(ElementType.BF16, 128L, 64L));
        copy.tensors().put(LAYER + "self_attn.q_norm.weight", Raw.zeros(ElementType.I32, 256L));
        refused(
                copy,
                LAYER + "mlp.up_proj.weight: expected BF16, F16 or F32 [128, 64], got no such tensor",
                LAYER + "mlp.down_proj.weight: expected [64, 128], got BF16 [128, 64]",
                LAYER + "self_attn.q_norm.weight: expected BF16, F16 or F32 [256], got I32 [256]");
    }

    @Test
    void manyProblemsAreCounted() throws Exception {
        CheckpointCopy copy = copy("gemma3");
        copy.rename(name -> name.replace("layers.", "blocks."));
        // 7 layers of 13 tensors are missing, and as many unknown; 20 are shown.
        refused(copy, "model.layers.0.input_layernorm.weight", "and 162 more");
    }

    @Test
    void aConfigurationOfAnotherSizeIsRefused() throws Exception {
        CheckpointCopy copy = copy("gemma3");
        copy.config("\"num_hidden_layers\": 7", "\"num_hidden_layers\": 6");
        refused(copy, "model.layers.6.mlp.up_proj.weight: unknown tensor");
        copy.config("\"num_hidden_layers\": 6", "\"num_hidden_layers\": 8");
        refused(copy, "model.layers.7.mlp.up_proj.weight: expected BF16, F16 or F32 [128, 64], got no such tensor");
    }

    @Test
    void layerScalarsMayBeMissing() throws Exception {
        CheckpointCopy copy = copy("gemma4-dense");
        copy.tensors().remove(LAYER4 + "layer_scalar");
        try (GemmaModel model = load(copy)) {
            assertThat(model.weights().layers().get(1).layerScalar()).isEqualTo(1);
        }
        copy.tensors().put(LAYER4 + "layer_scalar", Raw.zeros(ElementType.BF16, 2L));
        refused(copy, LAYER4 + "layer_scalar: expected [1], got BF16 [2]");
    }

    @Test
    void quantizedTensorsMustFitTheirSetting() throws Exception {
        CheckpointCopy copy = copy("gemma4-moe-mlx-4bit");
        String up = MLX_LAYER + "mlp.up_proj";
        copy.config("\"" + up + "\": {\n   \"group_size\": 32,\n   \"bits\": 8", "\"" + up + "\": {\n   \"bits\": 4");
        refused(
                copy,
                up + ".weight: expected U32 [96, 8] for affine 4-bit, group 64, got U32 [96, 16]",
                up + ".scales: expected [96, 1], got BF16 [96, 2]");
    }

    @Test
    void quantizedTensorsComeInThrees() throws Exception {
        CheckpointCopy copy = copy("gemma3-mlx-4bit");
        copy.tensors().remove(LAYER + "mlp.up_proj.biases");
        copy.tensors().put(LAYER + "mlp.gate_proj.scales", Raw.zeros(ElementType.F32, 128L, 1L));
        copy.tensors().remove(LAYER + "mlp.down_proj.scales");
        refused(
                copy,
                LAYER + "mlp.up_proj.biases: expected BF16, F16 or F32 [128, 1], got no such tensor",
                LAYER + "mlp.gate_proj.biases: expected F32 as its scales, got BF16",
                LAYER + "mlp.down_proj.weight: expected BF16, F16 or F32 [64, 128], got U32 [64, 16]");
    }

    @Test
    void quantizedWeightsNeedAConfigurationThatSaysSo() throws Exception {
        CheckpointCopy copy = copy("gemma3-mlx-4bit");
        copy.config("\"quantization\"", "\"x\"");
        copy.config("\"quantization_config\"", "\"y\"");
        refused(
                copy,
                "model.embed_tokens.weight: expected BF16, F16 or F32 [1024, 64], got U32 [1024, 8]"
                        + "; config.json lacks the quantization that made it");
    }

    @Test
    void modulesMayBeExemptFromQuantization() throws Exception {
        CheckpointCopy copy = copy("gemma3-mlx-4bit");
        String up = LAYER + "mlp.up_proj";
        copy.config("\"bits\": 4", "\"bits\": 4, \"" + up + "\": false");
        refused(copy, up + ".weight: expected BF16", up + ".scales: unknown tensor");
        copy.tensors().remove(up + ".scales");
        copy.tensors().remove(up + ".biases");
        copy.tensors().put(up + ".weight", Raw.zeros(ElementType.F16, 128L, 64L));
        try (GemmaModel model = load(copy)) {
            assertThat(model.weightFormat()).isEqualTo("affine 4-bit, group 64; F16");
        }
    }

    @Test
    void modulesOfAnotherWidthAreRefusedByName() throws Exception {
        CheckpointCopy copy = copy("gemma3-mlx-4bit");
        copy.config("\"bits\": 4", "\"bits\": 4, \"" + LAYER + "mlp.up_proj\": {\"bits\": 6}");
        refused(copy, LAYER + "mlp.up_proj: bits 6 is not supported; expected 4 or 8");
    }

    @Test
    void twoDecodersAreOneTooMany() throws Exception {
        CheckpointCopy copy = copy("gemma3");
        copy.tensors().put("draft.embed_tokens.weight", copy.tensor("model.embed_tokens.weight"));
        refused(copy, "expected one tensor named embed_tokens.weight after any prefix, got [", "draft.");
        copy.rename(name -> name.replace("embed_tokens", "tok_embeddings"));
        refused(copy, "expected one tensor named embed_tokens.weight after any prefix, got none");
    }

    @Test
    void directoriesThatAreNone() throws Exception {
        Path none = directory.resolve("none");
        assertThatThrownBy(() -> GemmaModel.load(none, device))
                .isInstanceOf(ModelFormatException.class)
                .hasMessage(none + ": no such directory; check the path");
        Path file = Files.writeString(directory.resolve("model.gguf"), "GGUF");
        assertThatThrownBy(() -> GemmaModel.load(file, device))
                .hasMessageContaining("expected the directory of a checkpoint, got a file");
        assertThatThrownBy(() -> GemmaModel.load(directory, device)).hasMessageContaining("Jemma does not read GGUF");
        copy("gemma3").write(directory);
        Files.delete(directory.resolve("config.json"));
        assertThatThrownBy(() -> GemmaModel.load(directory, device))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("config.json: missing");
    }

    @Test
    void modelsThatJemmaDoesNotComputeAreNamedWhateverTheirTensors() throws Exception {
        CheckpointCopy copy = copy("gemma3");
        copy.config("{\"model_type\": \"gemma3n\"}");
        copy.tensors().keySet().retainAll(List.of("model.norm.weight"));
        refused(copy, "model_type \"gemma3n\" is not supported", "(this is Gemma 3n)");
    }
}
