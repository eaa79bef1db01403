package dev.jemma.models.loading;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import dev.jemma.models.config.Quantization;
import dev.jemma.models.gemma.ExpertConfig;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.gemma.GemmaWeights;
import dev.jemma.models.gemma.GemmaWeights.PerLayerEmbedding;
import dev.jemma.models.gemma.LayerConfig;
import dev.jemma.models.gemma.LayerWeights;
import dev.jemma.models.safetensors.Floats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Puts a checked checkpoint's weights on a device: matrices in place, in the type they are stored in; vectors as F32
 * copies with the family's conventions worked in.
 */
public final class WeightBinder {
    private final DecoderCheckpoint checkpoint;
    private final GemmaConfig config;
    private final Device device;
    private final Resources resources;
    private final Map<String, Weight> matrices = new HashMap<>();

    /** @param resources takes everything that is made on the device, also when binding fails half way */
    public WeightBinder(DecoderCheckpoint checkpoint, Device device, Resources resources) {
        this.checkpoint = checkpoint;
        this.config = checkpoint.config().gemma();
        this.device = device;
        this.resources = resources;
    }

    /** Binds all. */
    public GemmaWeights bind() {
        String prefix = checkpoint.prefix();
        Weight embedTokens = matrix(prefix + "embed_tokens");
        List<LayerWeights> layers = new ArrayList<>(config.numLayers());
        for (int i = 0; i < config.numLayers(); i++) {
            layers.add(layer(i));
        }
        return new GemmaWeights(
                embedTokens,
                config.perLayerInputSize() > 0 ? perLayerEmbedding(prefix) : null,
                layers,
                norm(prefix + "norm.weight"),
                checkpoint.lmHead() == null ? embedTokens : matrix(checkpoint.lmHead()),
                rope(true),
                rope(false));
    }

    private PerLayerEmbedding perLayerEmbedding(String prefix) {
        return new PerLayerEmbedding(
                matrix(prefix + "embed_tokens_per_layer"),
                matrix(prefix + "per_layer_model_projection"),
                norm(prefix + "per_layer_projection_norm.weight"));
    }

    private LayerWeights layer(int index) {
        String prefix = DecoderTensors.layerPrefix(checkpoint.prefix(), index);
        return new LayerWeights(
                norm(prefix + "input_layernorm.weight"),
                attention(prefix + "self_attn.", config.layers().get(index), config.ownsKv(index)),
                norm(prefix + "post_attention_layernorm.weight"),
                norm(prefix + "pre_feedforward_layernorm.weight"),
                new LayerWeights.Mlp(
                        matrix(prefix + "mlp.gate_proj"),
                        matrix(prefix + "mlp.up_proj"),
                        matrix(prefix + "mlp.down_proj")),
                config.experts() == null ? null : experts(prefix, config.experts()),
                norm(prefix + "post_feedforward_layernorm.weight"),
                config.perLayerInputSize() > 0 ? perLayerInput(prefix) : null,
                layerScalar(prefix + "layer_scalar"));
    }

    private LayerWeights.Attention attention(String prefix, LayerConfig layer, boolean ownsKv) {
        Weight q = matrix(prefix + "q_proj");
        QkvWeight qkv = null;
        if (ownsKv) {
            Weight k = matrix(prefix + "k_proj");
            qkv = new QkvWeight(q, k, layer.valuesFromKeys() ? null : matrix(prefix + "v_proj"));
        }
        return new LayerWeights.Attention(q, qkv, headNorms(prefix, layer, ownsKv), matrix(prefix + "o_proj"));
    }

    private HeadNorms headNorms(String prefix, LayerConfig layer, boolean ownsKv) {
        if (!config.family().hasHeadNorms()) {
            return HeadNorms.NONE;
        }
        Norm v = config.family().hasValueNorm() && ownsKv ? new Norm(layer.headDim(), config.rmsNormEps(), null) : null;
        return new HeadNorms(norm(prefix + "q_norm.weight"), ownsKv ? norm(prefix + "k_norm.weight") : null, v);
    }

    private LayerWeights.Experts experts(String prefix, ExpertConfig experts) {
        return new LayerWeights.Experts(
                routerNorm(prefix + "router.scale"),
                matrix(prefix + "router.proj"),
                vector(prefix + "router.per_expert_scale", floats(prefix + "router.per_expert_scale")),
                norm(prefix + "post_feedforward_layernorm_1.weight"),
                norm(prefix + "pre_feedforward_layernorm_2.weight"),
                expertGate(prefix, experts),
                expertUp(prefix, experts),
                expertDown(prefix, experts),
                norm(prefix + "post_feedforward_layernorm_2.weight"));
    }

    private ExpertWeight expertGate(String prefix, ExpertConfig experts) {
        int width = experts.intermediateSize();
        return checkpoint.splitExperts()
                ? stack(prefix + "experts.switch_glu.gate_proj", experts, width, 0, width)
                : stack(prefix + "experts.gate_up_proj", experts, 2 * width, 0, width);
    }

    private ExpertWeight expertUp(String prefix, ExpertConfig experts) {
        int width = experts.intermediateSize();
        return checkpoint.splitExperts()
                ? stack(prefix + "experts.switch_glu.up_proj", experts, width, 0, width)
                : stack(prefix + "experts.gate_up_proj", experts, 2 * width, width, width);
    }

    private ExpertWeight expertDown(String prefix, ExpertConfig experts) {
        String name = checkpoint.splitExperts() ? "experts.switch_glu.down_proj" : "experts.down_proj";
        return stack(prefix + name, experts, config.hiddenSize(), 0, config.hiddenSize());
    }

    private ExpertWeight stack(String name, ExpertConfig experts, int rowStride, int firstRow, int rows) {
        return new ExpertWeight(matrix(name), experts.numExperts(), rowStride, firstRow, rows);
    }

    private LayerWeights.PerLayerInput perLayerInput(String prefix) {
        return new LayerWeights.PerLayerInput(
                matrix(prefix + "per_layer_input_gate"),
                matrix(prefix + "per_layer_projection"),
                norm(prefix + "post_per_layer_input_norm.weight"));
    }

    private float layerScalar(String name) {
        return checkpoint.has(name) ? floats(name)[0] : 1;
    }

    /** A stack that holds gate and up rows is asked for twice, but must be put on the device once. */
    private Weight matrix(String name) {
        return matrices.computeIfAbsent(name, this::bindMatrix);
    }

    private Weight bindMatrix(String name) {
        TensorSpec spec = checkpoint.spec(name);
        Region at = adopt(spec.tensor());
        Quantization.Setting setting = checkpoint.setting(spec);
        if (setting == null) {
            return new DenseWeight(at, checkpoint.floatType(spec.tensor()), spec.rows(), spec.cols());
        }
        return new AffineWeight(
                at,
                adopt(spec.scales()),
                adopt(spec.biases()),
                checkpoint.floatType(spec.scales()),
                setting.bits(),
                setting.groupSize(),
                spec.rows(),
                spec.cols());
    }

    private Region adopt(String tensor) {
        Region region = device.adopt(checkpoint.stored(tensor).bytes(), tensor);
        resources.add(region.buffer()::close);
        return region;
    }

    private Norm norm(String tensor) {
        float[] factors = floats(tensor);
        if (config.family().normAddsOne()) {
            for (int i = 0; i < factors.length; i++) {
                factors[i] += 1;
            }
        }
        return new Norm(factors.length, config.rmsNormEps(), vector(tensor, factors));
    }

    /** The router's own norm has no weight: what follows it, {@code scale * hiddenSize^-0.5}, becomes its factors. */
    private Norm routerNorm(String scale) {
        float[] factors = floats(scale);
        float inverseRoot = (float) (1 / Math.sqrt(config.hiddenSize()));
        for (int i = 0; i < factors.length; i++) {
            factors[i] *= inverseRoot;
        }
        return new Norm(factors.length, config.rmsNormEps(), vector(scale, factors));
    }

    private @Nullable Rope rope(boolean sliding) {
        for (LayerConfig layer : config.layers()) {
            if (layer.sliding() == sliding) {
                float[] frequencies = config.rope(layer).inverseFrequencies(layer.headDim());
                return new Rope(vector(sliding ? "sliding rope" : "full rope", frequencies));
            }
        }
        return null;
    }

    private float[] floats(String tensor) {
        return Floats.read(checkpoint.stored(tensor).bytes(), checkpoint.floatType(tensor));
    }

    private VectorF32 vector(String label, float[] values) {
        DeviceBuffer buffer = device.allocate(DType.F32.bytes(values.length), label);
        resources.add(buffer::close);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
            buffer.write(0, host);
        }
        return new VectorF32(new Region(buffer, 0), values.length);
    }
}
