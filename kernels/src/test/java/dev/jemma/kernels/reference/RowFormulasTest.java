package dev.jemma.kernels.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** The oracle's row ops and weights against numbers worked out by hand. */
class RowFormulasTest extends ReferenceFixture {
    @Test
    void embeddingsAreScaledRows() {
        rows(0, 2);
        Tensor out = f32(RowSet.ALL, 3);
        run(c -> c.embed(out, i32(1, 1, 0), weight(2, 3, 1, 2, 3, 4, 5, 6), 10));
        assertThat(floats(out)).containsExactly(40, 50, 60, 10, 20, 30);
    }

    @Test
    void rotationsAreCosinesThenSines() {
        rows(3, 2);
        Tensor out = f32(RowSet.ALL, 4);
        run(c -> c.rotations(out, new Rope(vector((float) (Math.PI / 6), 0))));
        double angle = (float) (Math.PI / 6);
        assertClose(
                floats(out),
                Math.cos((float) (3 * angle)),
                1,
                Math.sin((float) (3 * angle)),
                0,
                Math.cos((float) (4 * angle)),
                1,
                Math.sin((float) (4 * angle)),
                0);
    }

    /** 99,999 times F32's third is 33,333.00099, which F32, with steps of 2^-8 there, rounds to 33,333. */
    @Test
    void anglesAreRoundedToF32() {
        rows(99_999, 1);
        Tensor out = f32(RowSet.ALL, 2);
        run(c -> c.rotations(out, new Rope(vector(1 / 3f))));
        assertClose(floats(out), Math.cos(33_333), Math.sin(33_333));
    }

    @Test
    void outputRowsAreCopiedInStepOrder() {
        step.addSpan(2, 0, new int[3], 0, 3, 1);
        step.addSpan(1, 5, new int[1], 0, 1, 0);
        step.addSpan(0, 5, new int[2], 0, 2, 2);
        Tensor out = f32(RowSet.OUTPUT, 1);
        run(c -> c.copy(out, f32(1, 0, 1, 2, 3, 4, 5)));
        assertThat(floats(out)).containsExactly(2, 4, 5);
    }

    @Test
    void sumsAreScaled() {
        rows(0, 1);
        Tensor x = f32(2, 1, -2);
        run(c -> {
            c.add(x, x, f32(2, 3, 5), 0.5f);
            c.scale(x, 4);
        });
        assertThat(floats(x)).containsExactly(8, 6);
    }

    @Test
    void normDividesByTheRootMeanSquare() {
        rows(0, 1);
        Tensor x = f32(4, 3, 4, -5, 5);
        // Mean squares of the two groups: 12.5 and 25.
        run(c -> c.rmsNorm(x, x, new Norm(2, 0, vector(1, 2))));
        assertClose(floats(x), 3 / Math.sqrt(12.5), 8 / Math.sqrt(12.5), -1, 2);
        Tensor zeros = f32(2, 0, 0);
        run(c -> c.rmsNorm(zeros, zeros, new Norm(2, 1e-6f, null)));
        assertThat(floats(zeros)).containsExactly(0, 0);
        Tensor small = f32(1, 3);
        run(c -> c.rmsNorm(small, small, new Norm(1, 7, null)));
        assertClose(floats(small), 0.75);
    }

    /** gelu_tanh(1) = 0.84119199, gelu_tanh(-1) = -0.15880801, from PyTorch's gelu(approximate="tanh"). */
    @Test
    void gegluOfKnownPoints() {
        rows(0, 1);
        Tensor out = f32(RowSet.ALL, 4);
        run(c -> c.geglu(out, f32(4, 1, -1, 0, 20), f32(4, 2, 1, 5, 3)));
        float[] values = floats(out);
        assertThat(values[0]).isCloseTo(1.682384f, offset(1e-7f));
        assertThat(values[1]).isCloseTo(-0.15880801f, offset(1e-7f));
        assertThat(values[2]).isZero();
        assertThat(values[3]).isEqualTo(60);
    }

    @Test
    void softcapBendsTowardsTheCap() {
        rows(0, 1);
        Tensor x = f32(3, 30, -1e9f, 0.003f);
        run(c -> c.softcap(x, 30));
        // tanh(1) = 0.76159416; near 0 the cap leaves numbers as they are.
        assertClose(floats(x), 22.847824786, -30, 0.003f);
    }

    @Test
    void everyDenseTypeAndOffset() {
        rows(0, 1);
        Tensor x = f32(3, 1, 10, 100);
        for (int offset = 0; offset < 4; offset++) {
            // -2, 1.5, 0.25 as F32, F16 and BF16, little-endian.
            checkDense(x, DType.F32, offset, 0, 0, 0, 0xC0, 0, 0, 0xC0, 0x3F, 0, 0, 0x80, 0x3E);
            checkDense(x, DType.F16, offset, 0, 0xC0, 0, 0x3E, 0, 0x34);
            checkDense(x, DType.BF16, offset, 0, 0xC0, 0xC0, 0x3F, 0x80, 0x3E);
        }
    }

    private void checkDense(Tensor x, DType dtype, int offset, int... bytes) {
        Tensor out = f32(RowSet.ALL, 1);
        Region at = region(bytes(offset, bytes)).plus(offset);
        run(c -> c.matmul(out, x, new DenseWeight(at, dtype, 1, 3)));
        assertThat(floats(out)).as("%s at %d", dtype, offset).containsExactly(-2 + 15 + 25);
    }

    private static MemorySegment bytes(int offset, int... values) {
        byte[] bytes = new byte[offset + values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[offset + i] = (byte) values[i];
        }
        return MemorySegment.ofArray(bytes);
    }

    @Test
    void affineCodesStartWithTheLowNibble() {
        rows(0, 1);
        int[] codes = new int[16];
        codes[0] = 0x21;
        codes[15] = 0xF0;
        // Code i as weight: 1, 2, 0 .. 0, 15; scale -0.5 and bias 8 in BF16.
        AffineWeight w = new AffineWeight(
                region(bytes(0, codes)),
                region(bytes(0, 0, 0xBF)),
                region(bytes(0, 0, 0x41)),
                DType.BF16,
                4,
                32,
                1,
                32);
        Tensor out = f32(RowSet.ALL, 32);
        run(c -> c.embed(out, i32(1, 0), w, 1));
        float[] expected = repeat(8, 32);
        expected[0] = 7.5f;
        expected[1] = 7;
        expected[31] = 0.5f;
        assertThat(floats(out)).containsExactly(expected);
    }

    @Test
    void affineGroupsHaveTheirOwnScales() {
        rows(0, 1);
        int[] codes = new int[128];
        codes[31] = 255;
        codes[32] = 2;
        codes[64] = 3;
        AffineWeight w = new AffineWeight(
                region(bytes(0, codes)),
                vector(1, 10, 100, 1000).at(),
                vector(0, 0.5f, 0, 0.25f).at(),
                DType.F32,
                8,
                32,
                2,
                64);
        Tensor out = f32(RowSet.ALL, 2);
        run(c -> c.matmul(out, f32(64, repeat(1, 64)), w));
        assertThat(floats(out)).containsExactly(255 + 20 + 32 * 0.5f, 300 + 32 * 0.25f);
    }
}
