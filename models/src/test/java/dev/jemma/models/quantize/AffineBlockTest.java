package dev.jemma.models.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.jemma.kernels.DType;
import dev.jemma.models.config.Quantization;
import dev.jemma.models.safetensors.Floats;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AffineBlockTest {
    private static final Quantization.Setting FOUR = new Quantization.Setting(4, 32);

    private static int code(AffineBlock block, int bits, int index) {
        int perByte = 8 / bits;
        return (block.codes()[index / perByte] >>> (index % perByte * bits)) & ((1 << bits) - 1);
    }

    private static float value(AffineBlock block, Quantization.Setting setting, int index) {
        int group = index / setting.groupSize();
        return block.scales()[group] * code(block, setting.bits(), index) + block.biases()[group];
    }

    private static AffineBlock of(Quantization.Setting setting, DType type, float... weights) {
        AffineBlock block = new AffineBlock(setting, type, weights.length);
        block.quantize(weights);
        return block;
    }

    /**
     * A value is off by half a scale, or, at the end that is not exact, by what bending and rounding took from the
     * scale: bending moves at most half a scale over the whole extent, rounding {@code maxCode * scale} times half the
     * type's epsilon, the bias none since edges are weights of that type.
     */
    @ParameterizedTest
    @CsvSource({"4, 32, BF16, 0.00390625", "4, 64, F16, 0.00048828125", "8, 64, BF16, 0.00390625", "8, 128, F32, 1e-7"})
    void valuesAreOffByLittleMoreThanHalfAScale(int bits, int groupSize, DType type, double halfEpsilon) {
        long seed = 11;
        Random random = new Random(seed);
        Quantization.Setting setting = new Quantization.Setting(bits, groupSize);
        float[] weights = new float[64 * groupSize];
        for (int i = 0; i < weights.length; i++) {
            double shift = i / groupSize % 4 - 1.5;
            weights[i] = Floats.rounded((float) (0.02 * (random.nextGaussian() + shift)), type);
        }
        AffineBlock block = of(setting, type, weights);
        int maxCode = (1 << bits) - 1;
        for (int i = 0; i < weights.length; i++) {
            double scale = Math.abs(block.scales()[i / groupSize]);
            double bound = scale * (1.01 + maxCode * halfEpsilon);
            assertThat((double) value(block, setting, i))
                    .as("weight %d, seed %d", i, seed)
                    .isCloseTo(weights[i], within(bound));
        }
    }

    @Test
    void theLargerEndAndZeroAreExact() {
        float[] weights = new float[32];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (i - 20) / 16f;
        }
        AffineBlock low = of(FOUR, DType.F32, weights);
        assertThat(value(low, FOUR, 0)).isEqualTo(-1.25f);
        assertThat(value(low, FOUR, 20)).isCloseTo(0, within(1e-7f));
        assertThat(low.scales()[0]).isPositive();
        for (int i = 0; i < weights.length; i++) {
            weights[i] = -weights[i];
        }
        AffineBlock high = of(FOUR, DType.F32, weights);
        assertThat(value(high, FOUR, 0)).isEqualTo(1.25f);
        assertThat(high.scales()[0]).as("leads down from the edge").isNegative();
    }

    @Test
    void equalWeightsStayWhatTheyAre() {
        for (float constant : new float[] {0, 0.5f, -0.375f}) {
            float[] weights = new float[32];
            Arrays.fill(weights, constant);
            AffineBlock block = of(FOUR, DType.BF16, weights);
            assertThat(value(block, FOUR, 7)).isEqualTo(constant);
        }
    }

    /** By hand: 0 to 15 in sixteenths takes every code; the edge is the largest, 15/16, so codes count down from it. */
    @Test
    void codesAreThoseOfTheRule() {
        float[] weights = new float[32];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = i % 16 / 16f;
        }
        AffineBlock block = of(FOUR, DType.F32, weights);
        assertThat(block.scales()[0]).isEqualTo(-1 / 16f);
        assertThat(block.biases()[0]).isEqualTo(15 / 16f);
        assertThat(code(block, 4, 0)).isEqualTo(15);
        assertThat(code(block, 4, 15)).isZero();
        assertThat(block.codes()[0])
                .as("code 15 in the low nibble, 14 in the high")
                .isEqualTo((byte) 0xEF);
    }
}
