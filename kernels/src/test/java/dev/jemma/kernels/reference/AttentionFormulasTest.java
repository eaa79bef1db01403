package dev.jemma.kernels.reference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** The oracle's RoPE, cache and attention against closed forms. */
class AttentionFormulasTest extends ReferenceFixture {
    @Test
    void ropeTurnsPairsHalfAHeadApart() {
        rows(0, 1);
        // Two heads of [x0, x1, y0, y1]; pair 0 turns by 90 degrees, pair 1 by none.
        Tensor x = f32(8, 1, 2, 3, 4, 5, 6, 7, 8);
        run(c -> c.rope(x, f32(4, 0, 1, 1, 0)));
        assertThat(floats(x)).containsExactly(-3, 2, 1, 4, -7, 6, 5, 8);
    }

    /** A rotation keeps lengths, and products of rotated vectors depend on their distance alone. */
    @Test
    void ropeIsARotation() {
        float[] reference = {};
        for (int position : new int[] {0, 7, 500}) {
            rows(position, 6);
            Tensor x = f32(4, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, -3, 2, 1);
            Tensor rotations = f32(RowSet.ALL, 4);
            run(c -> {
                c.rotations(rotations, new Rope(vector(0.25f, 0.03125f)));
                c.rope(x, rotations);
            });
            float[] y = floats(x);
            float[] products = {dot(y, 0, 0), dot(y, 0, 20)};
            // Four products of numbers up to 5, each off by a few roundings.
            assertThat(products[0]).isCloseTo(30, offset());
            if (reference.length > 0) {
                assertThat(products[1]).isCloseTo(reference[1], offset());
            }
            reference = products;
        }
    }

    private static Offset<Float> offset() {
        return Offset.offset(1e-5f);
    }

    private static float dot(float[] x, int a, int b) {
        return x[a] * x[b] + x[a + 1] * x[b + 1] + x[a + 2] * x[b + 2] + x[a + 3] * x[b + 3];
    }

    @Test
    void cacheRoundsToNearestEvenAndSaturates() {
        rows(0, 1);
        KvView kv = cache(DType.F16, 1, 1, 8, 1, 0);
        // Halfway between 1 and 1 + 2^-10, then between 1 + 2^-10 and 1 + 2^-9: both go to the even one.
        Tensor k = f32(8, 0x1.002p0f, 0x1.006p0f, 65504, 65520, 1e9f, -1e9f, 0x1p-24f, 0x1p-25f);
        run(c -> c.storeKv(kv, k, f32(8, repeat(1, 8))));
        assertThat(halves(kv.keys(), 8))
                .containsExactly(
                        (short) 0x3C00,
                        (short) 0x3C02,
                        (short) 0x7BFF,
                        (short) 0x7BFF,
                        (short) 0x7BFF,
                        (short) 0xFBFF,
                        (short) 1,
                        (short) 0);
        assertThat(halves(kv.values(), 8)).containsOnly((short) 0x3C00);
    }

    @Test
    void positionsLieAtTheirRowOfTheRing() {
        step.addSpan(1, 6, new int[2], 0, 2, 0);
        KvView kv = cache(DType.F16, 2, 2, 1, 4, 3);
        run(c -> c.storeKv(kv, f32(2, 1, 2, 3, 4), f32(2, 1, 1, 1, 1)));
        short[] keys = halves(kv.keys(), 16);
        // Slot 1 starts at 8, its second head at 12; positions 6 and 7 are rows 2 and 3.
        assertThat(Float.float16ToFloat(keys[10])).isEqualTo(1);
        assertThat(Float.float16ToFloat(keys[11])).isEqualTo(3);
        assertThat(Float.float16ToFloat(keys[14])).isEqualTo(2);
        assertThat(Float.float16ToFloat(keys[15])).isEqualTo(4);
    }

    /** With equal keys every visible value weighs the same: values that are their positions show which are visible. */
    @Test
    void equalKeysAverageTheVisibleValues() {
        for (int window : new int[] {0, 1, 3, 4, 7}) {
            KvView kv = cache(DType.F32, 1, 1, 2, 12, window);
            Tensor out = f32(RowSet.ALL, 2);
            for (int position = 0; position < 12; position += 4) {
                float first = position;
                Tensor v = f32(2, first, 0, first + 1, 0, first + 2, 0, first + 3, 0);
                rows(position, 4);
                run(c -> {
                    c.storeKv(kv, f32(2, repeat(1, 8)), v);
                    c.attention(out, f32(2, repeat(1, 8)), kv, 1, 0);
                });
                double[] expected = new double[8];
                for (int r = 0; r < 4; r++) {
                    int last = position + r;
                    int oldest = window == 0 ? 0 : Math.max(0, last - window + 1);
                    expected[2 * r] = (oldest + last) / 2.0;
                }
                assertClose(floats(out), expected);
            }
        }
    }

    @Test
    void scoresAreScaledAndCapped() {
        rows(0, 2);
        KvView kv = cache(DType.F32, 1, 1, 2, 2, 0);
        Tensor q = f32(2, 0, 0, 3, 0);
        Tensor out = f32(RowSet.ALL, 2);
        run(c -> c.storeKv(kv, f32(2, 1, 0, 2, 0), f32(2, 0, 1, 1, 0)));
        // Scores of the second query: 1.5 and 3; the weights are 1 / (1 + e^1.5) and the rest.
        run(c -> c.attention(out, q, kv, 0.5f, 0));
        double first = 1 / (1 + Math.exp(1.5));
        assertClose(floats(out), 0, 1, 1 - first, first);
        // Capped at 2: 2 tanh(0.75) and 2 tanh(1.5).
        run(c -> c.attention(out, q, kv, 0.5f, 2));
        double capped = 1 / (1 + Math.exp(2 * Math.tanh(1.5) - 2 * Math.tanh(0.75)));
        assertClose(floats(out), 0, 1, 1 - capped, capped);
    }

    @Test
    void neighbouringHeadsShareKeys() {
        rows(0, 1);
        KvView kv = cache(DType.F32, 1, 2, 2, 1, 0);
        Tensor out = f32(RowSet.ALL, 8);
        run(c -> {
            c.storeKv(kv, f32(4, 0, 0, 0, 0), f32(4, 1, 2, 3, 4));
            c.attention(out, f32(8, repeat(1, 8)), kv, 1, 0);
        });
        assertThat(floats(out)).containsExactly(1, 2, 1, 2, 3, 4, 3, 4);
    }

    @Test
    void largeScoresDoNotOverflow() {
        rows(0, 2);
        KvView kv = cache(DType.F32, 1, 1, 2, 2, 0);
        Tensor out = f32(RowSet.ALL, 2);
        run(c -> {
            c.storeKv(kv, f32(2, 1e4f, 0, 2e4f, 0), f32(2, 1, 2, 3, 4));
            c.attention(out, f32(2, 1, 0, 1, 0), kv, 1, 0);
        });
        assertThat(floats(out)).containsExactly(1, 2, 3, 4);
    }

    @Test
    void slotsAreCopiedHeadByHead() {
        step.addSpan(1, 0, new int[3], 0, 3, 0);
        KvView kv = cache(DType.F16, 2, 2, 1, 3, 0);
        run(c -> {
            c.storeKv(kv, f32(2, 1, 2, 3, 4, 5, 6), f32(2, 1, 2, 3, 4, 5, 6));
            c.copySlot(kv, 1, 0, 2);
        });
        short[] values = halves(kv.values(), 6);
        float[] slot = new float[6];
        for (int i = 0; i < 6; i++) {
            slot[i] = Float.float16ToFloat(values[i]);
        }
        assertThat(slot).containsExactly(1, 3, 0, 2, 4, 0);
    }
}
