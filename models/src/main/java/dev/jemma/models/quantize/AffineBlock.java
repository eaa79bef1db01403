package dev.jemma.models.quantize;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.models.config.Quantization;
import dev.jemma.models.safetensors.Floats;
import java.util.Arrays;

/**
 * Groups of weights in MLX's affine form, as {@link AffineWeight} describes it: for each group the codes, packed, and
 * a scale and a bias in a type of their own.
 *
 * <p>A group's values lie between {@code low} and {@code high}. The one of larger magnitude, the edge, becomes exact:
 * it is the bias, and the scale, {@code (high - low) / (2^bits - 1)} with the sign that leads away from the edge, is
 * bent so that zero has a code of its own. This is MLX's choice ({@code mx.quantize}). Codes are then the nearest to
 * the stored, rounded scale and bias.
 */
final class AffineBlock {
    /** A group of equal values has no extent; MLX divides by this. */
    private static final float SMALLEST_SCALE = 1e-7f;

    private final Quantization.Setting setting;
    private final DType scaleType;
    private final int maxCode;
    private final byte[] codes;
    private final float[] scales;
    private final float[] biases;

    /** @param elements most weights at once, whole groups */
    AffineBlock(Quantization.Setting setting, DType scaleType, int elements) {
        this.setting = setting;
        this.scaleType = scaleType;
        this.maxCode = (1 << setting.bits()) - 1;
        this.codes = new byte[elements * setting.bits() / Byte.SIZE];
        this.scales = new float[elements / setting.groupSize()];
        this.biases = new float[elements / setting.groupSize()];
    }

    /** Takes the place of what was there with {@code weights}, whole groups. */
    void quantize(float[] weights) {
        Arrays.fill(codes, (byte) 0);
        for (int group = 0; group < weights.length / setting.groupSize(); group++) {
            fit(weights, group);
            code(weights, group);
        }
    }

    private void fit(float[] weights, int group) {
        int from = group * setting.groupSize();
        float low = weights[from];
        float high = weights[from];
        for (int i = from + 1; i < from + setting.groupSize(); i++) {
            low = Math.min(low, weights[i]);
            high = Math.max(high, weights[i]);
        }
        boolean lowIsEdge = Math.abs(low) > Math.abs(high);
        float edge = lowIsEdge ? low : high;
        float scale = Math.max((high - low) / maxCode, SMALLEST_SCALE);
        scale = lowIsEdge ? scale : -scale;
        float zeroCode = (float) Math.rint(edge / scale);
        scales[group] = Floats.rounded(zeroCode == 0 ? scale : edge / zeroCode, scaleType);
        biases[group] = Floats.rounded(zeroCode == 0 ? 0 : edge, scaleType);
    }

    private void code(float[] weights, int group) {
        float scale = scales[group];
        float bias = biases[group];
        int perByte = Byte.SIZE / setting.bits();
        for (int i = group * setting.groupSize(); i < (group + 1) * setting.groupSize(); i++) {
            int code = Math.clamp((long) Math.rint((weights[i] - bias) / scale), 0, maxCode);
            codes[i / perByte] |= (byte) (code << (i % perByte * setting.bits()));
        }
    }

    /** Codes in file order. */
    byte[] codes() {
        return codes;
    }

    /** One for each group, in the scales' type. */
    float[] scales() {
        return scales;
    }

    float[] biases() {
        return biases;
    }
}
