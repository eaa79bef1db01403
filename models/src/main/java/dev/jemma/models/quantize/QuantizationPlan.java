package dev.jemma.models.quantize;

import dev.jemma.kernels.DType;
import dev.jemma.models.config.Quantization;
import dev.jemma.models.gemma.ExpertConfig;
import dev.jemma.models.gemma.GemmaConfig;
import dev.jemma.models.loading.DecoderCheckpoint;
import dev.jemma.models.loading.DecoderTensors;
import dev.jemma.models.loading.TensorSpec;
import dev.jemma.models.loading.TensorSpec.Kind;
import dev.jemma.models.safetensors.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Which tensors a quantized checkpoint has, under which names, and where each comes from. */
final class QuantizationPlan {
    private static final String SPLIT_EXPERTS = "experts.switch_glu.";

    private final DecoderCheckpoint checkpoint;
    private final GemmaConfig config;
    private final Quantization.Setting setting;

    QuantizationPlan(DecoderCheckpoint checkpoint, Quantization.Setting setting) {
        this.checkpoint = checkpoint;
        this.config = checkpoint.config().gemma();
        this.setting = setting;
    }

    /** MLX's names: multimodal exports differ in where {@code language_model} stands, MLX has it first. */
    List<QuantizedTensor> tensors() {
        boolean nested = checkpoint.prefix().contains("language_model");
        String prefix = nested ? "language_model.model." : "model.";
        String head = nested ? "language_model.lm_head" : "lm_head";
        DecoderTensors outputs =
                DecoderTensors.of(config, prefix, checkpoint.lmHead() == null ? null : head, config.experts() != null);
        List<QuantizedTensor> tensors = new ArrayList<>();
        for (TensorSpec output : outputs.specs().values()) {
            String local = output.name().startsWith(prefix) ? output.name().substring(prefix.length()) : null;
            if (local == null) {
                tensors.add(whole(output, Objects.requireNonNull(checkpoint.lmHead()) + ".weight"));
            } else if (local.contains(SPLIT_EXPERTS) && !checkpoint.splitExperts()) {
                tensors.add(fromStack(output, local));
            } else {
                String source = checkpoint.prefix() + local + (output.kind() == Kind.LINEAR ? ".weight" : "");
                if (output.kind() != Kind.OPTIONAL_VECTOR || checkpoint.has(source)) {
                    tensors.add(whole(output, source));
                }
            }
        }
        // MLX gives every layer its own key and value modules and wants to fill them, used or not.
        for (String unused : checkpoint.unusedTensors()) {
            tensors.add(unused(prefix, unused));
        }
        return tensors;
    }

    private QuantizedTensor whole(TensorSpec output, String source) {
        return QuantizedTensor.whole(
                output, settingOf(output), checkpoint.stored(source).bytes(), checkpoint.floatType(source));
    }

    private QuantizedTensor unused(String prefix, String source) {
        TensorInfo info = checkpoint.stored(source).info();
        String name = prefix + source.substring(checkpoint.prefix().length());
        boolean matrix = info.shape().size() == 2;
        TensorSpec spec = matrix
                ? new TensorSpec(name.substring(0, name.length() - ".weight".length()), info.shape(), Kind.LINEAR)
                : new TensorSpec(name, info.shape(), Kind.VECTOR);
        return whole(spec, source);
    }

    /** One of MLX's three stacks out of Hugging Face's two: gate and up rows lie one after the other for each expert. */
    private QuantizedTensor fromStack(TensorSpec output, String local) {
        ExpertConfig experts = Objects.requireNonNull(config.experts());
        String layer = checkpoint.prefix() + local.substring(0, local.indexOf(SPLIT_EXPERTS)) + "experts.";
        String source = layer + (local.endsWith("down_proj") ? "down_proj" : "gate_up_proj");
        MemorySegment bytes = checkpoint.stored(source).bytes();
        DType type = checkpoint.floatType(source);
        if (local.endsWith("down_proj")) {
            return QuantizedTensor.whole(output, settingOf(output), bytes, type);
        }
        int width = experts.intermediateSize();
        int first = local.endsWith("up_proj") ? width : 0;
        return new QuantizedTensor(output, settingOf(output), bytes, type, experts.numExperts(), 2L * width, first);
    }

    /**
     * Null for what stays as it is: vectors, and rows that do not divide into groups. Where there are experts, 4 bits are
     * for them: the router, whose errors choose the wrong ones, and the dense branch keep 8, as in MLX's own conversions.
     */
    private Quantization.@Nullable Setting settingOf(TensorSpec output) {
        if (output.kind() != Kind.LINEAR || output.cols() % setting.groupSize() != 0) {
            return null;
        }
        boolean sensitive = config.experts() != null
                && (output.name().endsWith(".router.proj") || output.name().contains(".mlp."));
        return sensitive && setting.bits() < 8 ? new Quantization.Setting(8, setting.groupSize()) : setting;
    }
}
