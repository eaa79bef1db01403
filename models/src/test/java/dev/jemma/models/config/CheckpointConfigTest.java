package dev.jemma.models.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.DType;
import dev.jemma.models.ModelFormatException;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.gemma.GemmaConfig.Family;
import dev.jemma.models.gemma.LayerConfig;
import dev.jemma.models.gemma.RopeConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Dialects, defaults and refusals; JSON is written with ' for ". */
class CheckpointConfigTest {
    @TempDir
    private Path directory;

    private CheckpointConfig read(String json, DType weightType) throws IOException {
        Files.writeString(directory.resolve("config.json"), json.replace('\'', '"'));
        return CheckpointConfig.read(directory, weightType);
    }

    private GemmaConfig gemma(String json) throws IOException {
        return read(json, DType.BF16).gemma();
    }

    /** The decoder's part of google/gemma-3-4b-it as first published: what equals a default is left out. */
    @Test
    void sparseFilesTakeTheFamilysDefaults() throws Exception {
        GemmaConfig c = gemma("""
                {'model_type':'gemma3','eos_token_id':[1,106],'torch_dtype':'bfloat16','vision_config':{},
                 'text_config':{'hidden_size':2560,'intermediate_size':10240,'model_type':'gemma3_text',
                  'num_hidden_layers':34,'rope_scaling':{'factor':8.0,'rope_type':'linear'},'sliding_window':1024}}
                """);
        assertThat(c.vocabSize()).isEqualTo(262_208);
        assertThat(c.numHeads()).isEqualTo(8);
        assertThat(c.layers().getFirst()).isEqualTo(new LayerConfig(true, 256, 4, false, 0, 10_240));
        assertThat(c.layers().get(5).sliding()).isFalse();
        assertThat(c.attentionScale()).isEqualTo(1 / 16f);
        assertThat(c.slidingRope()).isEqualTo(new RopeConfig(10_000, 1, 1));
        assertThat(c.fullRope()).isEqualTo(new RopeConfig(1_000_000, 8, 1));
        assertThat(c.maxPositionEmbeddings()).isEqualTo(131_072);
        assertThat(c.tieWordEmbeddings()).isTrue();
    }

    @Test
    void emptyFilesAreTheDefaultModel() throws Exception {
        GemmaConfig gemma2 = gemma("{'model_type':'gemma2'}");
        assertThat(gemma2.numLayers()).isEqualTo(26);
        assertThat(gemma2.slidingWindow()).isEqualTo(4096);
        assertThat(gemma2.attnLogitSoftcap()).isEqualTo(50);
        GemmaConfig gemma4 = gemma("{'model_type':'gemma4_text'}");
        assertThat(gemma4.numLayers()).isEqualTo(30);
        assertThat(gemma4.perLayerInputSize()).isEqualTo(256);
        assertThat(gemma4.finalLogitSoftcap()).isZero();
        assertThat(gemma4.layers().get(5)).isEqualTo(new LayerConfig(false, 512, 4, false, 5, 9216));
        assertThat(gemma4.fullRope()).isEqualTo(new RopeConfig(1_000_000, 1, 0.25f));
        assertThat(gemma4.experts()).isNull();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'rope_theta':5e5,'rope_local_base_freq':2e4,'rope_scaling':{'type':'linear','factor':4} | 2e4 | 5e5 | 4",
                "'rope_theta':5e5,'rope_scaling':null | 1e4 | 5e5 | 1",
                "'rope_parameters':{'full_attention':{'rope_type':'linear','factor':4,'rope_theta':5e5},'sliding_attention':{'rope_type':'default','rope_theta':2e4}} | 2e4 | 5e5 | 4",
                "'rope_theta':7,'rope_local_base_freq':8,'rope_scaling':{'rope_type':'linear','factor':9},'rope_parameters':{'full_attention':{'rope_type':'default','rope_theta':5e5},'sliding_attention':{'rope_type':'default','rope_theta':2e4}} | 2e4 | 5e5 | 1",
                "'rope_theta':5e5,'rope_parameters':{'full_attention':{'rope_type':'default'},'sliding_attention':{'rope_type':'default'}} | 1e4 | 5e5 | 1",
                "'rope_scaling':{'rope_type':'default'} | 1e4 | 1e6 | 1",
            })
    void gemma3RopeDialects(String keys, float sliding, float full, float factor) throws Exception {
        GemmaConfig c = gemma("{'model_type':'gemma3_text'," + keys + "}");
        assertThat(c.slidingRope()).isEqualTo(new RopeConfig(sliding, 1, 1));
        assertThat(c.fullRope()).isEqualTo(new RopeConfig(full, factor, 1));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {"'rope_theta':2e4", "'rope_parameters':{'rope_type':'default','rope_theta':2e4}"})
    void gemma2HasOneRope(String keys) throws Exception {
        GemmaConfig c = gemma("{'model_type':'gemma2'," + keys + "}");
        assertThat(List.of(c.slidingRope(), c.fullRope()))
                .containsExactly(new RopeConfig(20_000, 1, 1), new RopeConfig(20_000, 1, 1));
    }

    @Test
    void layerTypesWinOverPatterns() throws Exception {
        GemmaConfig c = gemma("{'model_type':'gemma3_text','num_hidden_layers':3,'sliding_window_pattern':2,"
                + "'layer_types':['full_attention','sliding_attention','sliding_attention']}");
        assertThat(c.layers()).extracting(LayerConfig::sliding).containsExactly(false, true, true);
        GemmaConfig pattern = gemma("{'model_type':'gemma3_text','num_hidden_layers':3,'sliding_window_pattern':2}");
        assertThat(pattern.layers()).extracting(LayerConfig::sliding).containsExactly(true, false, true);
        GemmaConfig underscore =
                gemma("{'model_type':'gemma3_text','num_hidden_layers':3,'_sliding_window_pattern':3}");
        assertThat(underscore.layers()).extracting(LayerConfig::sliding).containsExactly(true, true, false);
    }

    @Test
    void gemma4EndsWithAFullLayer() throws Exception {
        GemmaConfig derived = gemma("{'model_type':'gemma4_text','num_hidden_layers':8}");
        assertThat(derived.layers())
                .extracting(LayerConfig::sliding)
                .containsExactly(true, true, true, true, true, false, true, false);
        GemmaConfig given = gemma("{'model_type':'gemma4_text','num_hidden_layers':2,"
                + "'layer_types':['sliding_attention','sliding_attention']}");
        assertThat(given.layers()).extracting(LayerConfig::sliding).containsExactly(true, false);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'global_head_dim':0 | 256 | 4",
                "'global_head_dim':null | 256 | 4",
                "'global_head_dim':128 | 128 | 4",
                "'num_global_key_value_heads':2 | 512 | 4",
                "'num_global_key_value_heads':2,'attention_k_eq_v':true | 512 | 2",
                "'num_global_key_value_heads':null,'attention_k_eq_v':true | 512 | 4",
                "'per_layer_config':{'1':{'head_dim':128,'num_key_value_heads':2}} | 128 | 2",
                "'attention_k_eq_v':true,'per_layer_config':{'1':{'num_key_value_heads':1}} | 512 | 1",
                "'global_head_dim':512,'per_layer_config':{'1':{'head_dim':512}} | 512 | 4",
                "'per_layer_config':{'full_attention':{'head_dim':64}} | 64 | 4",
                "'per_layer_config':{} | 512 | 4",
            })
    void gemma4HeadsOfFullLayers(String keys, int headDim, int numKvHeads) throws Exception {
        GemmaConfig c = gemma("{'model_type':'gemma4_text','num_hidden_layers':2," + keys + "}");
        assertThat(c.layers().getFirst().headDim()).isEqualTo(256);
        assertThat(c.layers().getFirst().numKvHeads()).isEqualTo(4);
        assertThat(c.layers().getLast().headDim()).isEqualTo(headDim);
        assertThat(c.layers().getLast().numKvHeads()).isEqualTo(numKvHeads);
    }

    @Test
    void theUnifiedModelIsADenseGemma4() throws Exception {
        GemmaConfig c = gemma("{'model_type':'gemma4_unified','tie_word_embeddings':false,"
                + "'text_config':{'model_type':'gemma4_unified_text','hidden_size_per_layer_input':null}}");
        assertThat(c.family()).isEqualTo(Family.GEMMA4);
        assertThat(c.perLayerInputSize()).isZero();
        assertThat(c.tieWordEmbeddings()).isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'dtype':'bfloat16' | 25.25",
                "'torch_dtype':'bfloat16' | 25.25",
                "'torch_dtype':'torch.float16' | 25.296875",
                "'dtype':'float32' | 25.298222",
                "'dtype':'float16','torch_dtype':'float32' | 25.296875",
                "'dtype':null | 25.298222",
            })
    void embeddingScaleIsRoundedToTheCheckpointsType(String keys, float scale) throws Exception {
        CheckpointConfig c = read("{'model_type':'gemma3_text','hidden_size':640," + keys + "}", DType.F32);
        assertThat(c.gemma().embeddingScale()).isEqualTo(scale);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'model_type':'gemma'} | model_type \"gemma\" is not supported; expected Gemma 2, 3 or 4 (this is Gemma 1)",
                "{'model_type':'gemma3n','text_config':{}} | (this is Gemma 3n)",
                "{'model_type':'gemma4_assistant'} | (this is a drafter for Gemma 4)",
                "{'model_type':'embedding_gemma2'} | (this is an encoder)",
                "{'model_type':'llama'} | model_type \"llama\" is not supported",
                "{} | model_type; expected gemma2, gemma3_text, gemma3, gemma4_text or gemma4, got nothing",
                "{'model_type':'gemma3'} | text_config; expected the decoder's configuration, got nothing",
                "{'model_type':'gemma3','text_config':{'model_type':'qwen3'}} | model_type \"qwen3\" is not supported; expected gemma3_text",
                "[] | expected a JSON object, got ARRAY",
                "{'model_type':'gemma2' | not valid JSON",
                "{'model_type':'gemma2','model_type':'gemma3_text'} | not valid JSON",
            })
    void refusesOtherModels(String json, String message) {
        assertThatThrownBy(() -> gemma(json))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(directory.resolve("config.json") + ": ")
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "gemma2 | 'hidden_activation':'silu' | hidden_activation \"silu\" is not supported",
                "gemma2 | 'attention_bias':true | attention_bias true is not supported",
                "gemma2 | 'hidden_size':0 | hidden_size; expected a whole number from 1 to 1048576, got 0; correct the file",
                "gemma2 | 'hidden_size':'64' | got \"64\"",
                "gemma2 | 'hidden_size':64.5 | got 64.5",
                "gemma2 | 'hidden_size':null | got null",
                "gemma2 | 'num_hidden_layers':2000000000 | num_hidden_layers; expected a whole number from 1 to 1024",
                "gemma2 | 'head_dim':63 | head_dim; expected an even number, got 63",
                "gemma2 | 'num_key_value_heads':3 | expected a divisor of num_attention_heads, 8, got 3",
                "gemma2 | 'query_pre_attn_scalar':0 | query_pre_attn_scalar; expected a positive number, got 0",
                "gemma2 | 'rms_norm_eps':-1 | rms_norm_eps; expected a positive number",
                "gemma2 | 'torch_dtype':'float64' | torch_dtype \"float64\" is not supported",
                "gemma2 | 'rope_scaling':{'type':'dynamic','factor':2} | type \"dynamic\" is not supported",
                "gemma2 | 'rope_scaling':[] | rope_scaling; expected an object, got []",
                "gemma3_text | 'use_bidirectional_attention':true | use_bidirectional_attention true is not supported; expected false, since encoders such as EmbeddingGemma",
                "gemma3_text | 'rope_scaling':{'rope_type':'yarn','factor':4} | rope_type \"yarn\" is not supported",
                "gemma3_text | 'rope_scaling':{'rope_type':'linear'} | factor; expected a positive number, got nothing",
                "gemma3_text | 'rope_scaling':{'rope_type':'proportional'} | rope_type \"proportional\" is not supported",
                "gemma3_text | 'rope_parameters':{'rope_type':'default'} | sliding_attention; expected rope_type and rope_theta of these layers",
                "gemma3_text | 'rope_parameters':{'full_attention':{}} | sliding_attention; expected rope_type",
                "gemma3_text | 'sliding_window_pattern':0 | sliding_window_pattern; expected a whole number from 1",
                "gemma3_text | 'layer_types':['full_attention'] | layer_types; expected 26 entries (num_hidden_layers)",
                "gemma3_text | 'num_hidden_layers':1,'layer_types':['chunked_attention'] | layer_types [\"chunked_attention\"] is not supported",
                "gemma3_text | 'num_hidden_layers':1,'layer_types':[1] | layer_types; expected a list of strings",
                "gemma3_text | 'quantization_config':{'quant_method':'awq','bits':4} | quant_method \"awq\" is not supported; expected MLX affine",
                "gemma3_text | 'quantization_config':{'quant_method':'gptq'} | quant_method \"gptq\" is not supported",
                "gemma3_text | 'quantization':{'mode':'mxfp4','bits':4,'group_size':32} | mode \"mxfp4\" is not supported",
                "gemma3_text | 'quantization':{'mode':'nvfp4','bits':4,'group_size':16} | mode \"nvfp4\" is not supported",
                "gemma3_text | 'quantization':{'bits':6} | bits 6 is not supported; expected 4 or 8",
                "gemma3_text | 'quantization':{'bits':4,'group_size':16} | group_size 16 is not supported; expected 32, 64 or 128",
                "gemma3_text | 'quantization':{'group_size':64} | bits; expected a whole number from 1 to 32, got nothing",
                "gemma4_text | 'use_bidirectional_attention':'all' | use_bidirectional_attention \"all\" is not supported",
                "gemma4_text | 'num_kv_shared_layers':30 | num_kv_shared_layers; expected a whole number from 0 to 29",
                "gemma4_text | 'num_hidden_layers':6,'num_kv_shared_layers':1 | expected a layer of type full_attention below layer 5",
                "gemma4_text | 'enable_moe_block':true | num_experts; expected a whole number from 1 to 4096, got nothing",
                "gemma4_text | 'enable_moe_block':true,'num_experts':4,'top_k_experts':5 | top_k_experts; expected a whole number from 1 to 4, got 5",
                "gemma4_text | 'vocab_size_per_layer_input':1024 | vocab_size_per_layer_input 1024 is not supported",
                "gemma4_text | 'rope_scaling':{'rope_type':'linear','factor':8} | rope_scaling",
                "gemma4_text | 'rope_parameters':{'full_attention':{'rope_type':'default','partial_rotary_factor':0.25},'sliding_attention':{}} | partial_rotary_factor 0.25 is not supported",
                "gemma4_text | 'global_head_dim':512,'per_layer_config':{'5':{'head_dim':128}} | per_layer_config: 5: head_dim; expected 512 as the other keys of the file say, got 128",
                "gemma4_text | 'per_layer_config':{'0':{'head_dim':128}} | head_dim; expected 256 as the other keys",
                "gemma4_text | 'per_layer_config':{'5':{'sliding_window':9}} | sliding_window 9 is not supported",
                "gemma4_text | 'per_layer_config':{'5':{'head_dim':128}} | head_dim of layer 11; expected 128 as in the other layers of its type, got 512",
            })
    void refuses(String modelType, String keys, String message) {
        assertThatThrownBy(() -> gemma("{'model_type':'" + modelType + "'," + keys + "}"))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(directory.resolve("config.json") + ": ")
                .hasMessageContaining(message);
    }

    @Test
    void saysThatAFileIsMissing() {
        assertThatThrownBy(() -> CheckpointConfig.read(directory, DType.BF16))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("config.json: missing");
    }

    @Test
    void quantizationHasExceptions() throws Exception {
        Quantization q = read("""
                {'model_type':'gemma3_text','quantization_config':{'group_size':64,'bits':4,'mode':'affine',
                 'model.layers.0.mlp.up_proj':{'group_size':32,'bits':8},'lm_head':false,
                 'vision_tower.x':{'group_size':64,'bits':3}}}
                """, DType.BF16).quantization();
        assertThat(q.of("model.layers.1.mlp.up_proj", true)).isEqualTo(new Quantization.Setting(4, 64));
        assertThat(q.of("model.layers.1.mlp.up_proj", false)).isNull();
        assertThat(q.of("model.layers.0.mlp.up_proj", true)).isEqualTo(new Quantization.Setting(8, 32));
        assertThat(q.of("lm_head", true)).isNull();
        assertThatThrownBy(() -> q.of("vision_tower.x", true))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("vision_tower.x: bits 3 is not supported");
    }

    @Test
    void generationDefaultsAreUnited() throws Exception {
        Files.writeString(directory.resolve("generation_config.json"), """
                {"bos_token_id": 2, "eos_token_id": [106, 50], "do_sample": true, "temperature": 0.5, "top_k": 64,
                 "top_p": 0.95, "suppress_tokens": [258883, 258882, 262144]}
                """);
        GenerationDefaults defaults = read(
                        "{'model_type':'gemma4','eos_token_id':1,'text_config':{'eos_token_id':[1,106]}}", DType.BF16)
                .generation();
        assertThat(defaults.eosTokenIds()).containsExactly(106, 50, 1);
        assertThat(defaults.suppressTokens()).containsExactly(258_883, 258_882);
        assertThat(defaults.bosTokenId()).isEqualTo(2);
        assertThat(defaults.temperature()).isEqualTo(0.5f);
        assertThat(defaults.topK()).isEqualTo(64);
        assertThat(defaults.topP()).isEqualTo(0.95f);
        assertThat(defaults.minP()).isZero();
        assertThat(defaults.repetitionPenalty()).isEqualTo(1);
    }

    @Test
    void generationDefaultsOfASilentCheckpoint() throws Exception {
        GenerationDefaults defaults =
                read("{'model_type':'gemma2'}", DType.BF16).generation();
        assertThat(defaults)
                .isEqualTo(new GenerationDefaults(1, 0, 1, 0, 1, new LinkedHashSet<>(List.of(1)), 2, List.of()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'top_p':0 | top_p; expected a number from",
                "'top_p':1.5 | top_p; expected a number from",
                "'top_k':-1 | top_k; expected a whole number from 0",
                "'temperature':-1 | temperature; expected a number from 0.0 to 1000.0, got -1",
                "'temperature':'x' | temperature; expected a number",
                "'min_p':2 | min_p; expected a number from 0.0 to 1.0",
                "'repetition_penalty':0 | repetition_penalty; expected a number",
                "'bos_token_id':256000 | bos_token_id; expected a whole number from 0 to 255999",
                "'suppress_tokens':[1.5] | suppress_tokens; expected a token id or a list of them",
            })
    void refusesGenerationDefaults(String keys, String message) throws Exception {
        Path file = directory.resolve("generation_config.json");
        Files.writeString(file, "{" + keys.replace('\'', '"') + "}");
        assertThatThrownBy(() -> gemma("{'model_type':'gemma2'}"))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(file + ": ")
                .hasMessageContaining(message);
    }

    @Test
    void notSamplingIsGreedy() throws Exception {
        Files.writeString(directory.resolve("generation_config.json"), "{\"do_sample\": false, \"temperature\": 0.7}");
        assertThat(read("{'model_type':'gemma2'}", DType.BF16).generation().temperature())
                .isZero();
        Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": [-1]}");
        assertThatThrownBy(() -> read("{'model_type':'gemma2'}", DType.BF16))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("generation_config.json: eos_token_id; expected a token id or a list of them");
    }
}
