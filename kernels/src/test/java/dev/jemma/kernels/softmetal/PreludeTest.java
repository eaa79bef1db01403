package dev.jemma.kernels.softmetal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The {@code metal_stdlib} that kernels compile against on Linux. */
class PreludeTest {
    // Compared as objects: NaN equals NaN, and 0 differs from -0.

    private static final int PATTERNS = 1 << 16;

    private final KernelFile prelude = KernelFile.named("prelude.metal");

    private static byte[] allPatterns() {
        ByteBuffer bytes = ByteBuffer.allocate(2 * PATTERNS).order(ByteOrder.LITTLE_ENDIAN);
        IntStream.range(0, PATTERNS).forEach(i -> bytes.putShort((short) i));
        return bytes.array();
    }

    private KernelFile.Run convert(String kernel, byte[] in, int outBytes, int count) {
        KernelFile.Run run = prelude.dispatch(kernel)
                .bytes(0, in)
                .bytes(1, new byte[outBytes])
                .grid(count, 256)
                .run();
        assertThat(run.status()).as(run.messages()).isZero();
        return run;
    }

    @Test
    void everyHalfIsItsFloat() {
        float[] floats =
                convert("half_to_float", allPatterns(), 4 * PATTERNS, PATTERNS).floats(1);
        for (int i = 0; i < PATTERNS; i++) {
            assertThat(floats[i]).as("half 0x%04x", i).isEqualTo(Float.valueOf(Float.float16ToFloat((short) i)));
        }
    }

    @Test
    void everyBfloatIsItsFloat() {
        float[] floats = convert("bfloat_to_float", allPatterns(), 4 * PATTERNS, PATTERNS)
                .floats(1);
        for (int i = 0; i < PATTERNS; i++) {
            assertThat(floats[i]).as("bfloat 0x%04x", i).isEqualTo(Float.valueOf(Float.intBitsToFloat(i << 16)));
        }
    }

    /** Ties, subnormals, overflow, NaN with only low payload bits; then random patterns. */
    private static float[] hardFloats() {
        Random random = new Random(16);
        float[] x = new float[4096];
        int[] edges = {
            0,
            0x80000000,
            0x3f808000,
            0x3f818000,
            0x3f808001,
            0x7f7fffff,
            0x7f800000,
            0x7f800001,
            0xff800001,
            0x7fc00000,
            0x00000001,
            0x007fffff,
            0x33000000,
            0x33000001,
            0x387fc000,
            0x387fe000,
            0x477fe000,
            0x477ff000,
            0x477fefff,
            0x38802000
        };
        for (int i = 0; i < x.length; i++) {
            x[i] = Float.intBitsToFloat(i < edges.length ? edges[i] : random.nextInt());
        }
        return x;
    }

    private static byte[] bytesOf(float[] x) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * x.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(x);
        return bytes.array();
    }

    @Test
    void floatsRoundToHalfToNearestEven() {
        float[] x = hardFloats();
        ByteBuffer halves =
                convert("float_to_half", bytesOf(x), 2 * x.length, x.length).buffer(1);
        for (int i = 0; i < x.length; i++) {
            assertThat(Float.float16ToFloat(halves.getShort(2 * i)))
                    .as("%s (0x%08x)", x[i], Float.floatToRawIntBits(x[i]))
                    .isEqualTo(Float.valueOf(Float.float16ToFloat(Float.floatToFloat16(x[i]))));
        }
    }

    @Test
    void floatsRoundToBfloatToNearestEven() {
        float[] x = hardFloats();
        ByteBuffer rounded =
                convert("float_to_bfloat", bytesOf(x), 2 * x.length, x.length).buffer(1);
        for (int i = 0; i < x.length; i++) {
            float actual = Float.intBitsToFloat(rounded.getShort(2 * i) << 16);
            int bits = Float.floatToRawIntBits(x[i]);
            float expected =
                    Float.isNaN(x[i]) ? Float.NaN : Float.intBitsToFloat((bits + 0x7fff + (bits >>> 16 & 1)) & ~0xffff);
            assertThat(actual).as("%s (0x%08x)", x[i], bits).isEqualTo(Float.valueOf(expected));
        }
    }

    @Test
    void halfArithmeticRoundsAfterEveryOperation() {
        short a = Float.floatToFloat16(1024f);
        short b = Float.floatToFloat16(0.75f);
        ByteBuffer in = ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putShort(a)
                .putShort(b);
        ByteBuffer out = convert("half_arithmetic", in.array(), 4, 1).buffer(1);
        // Halves near 1024 are one apart: 1024.75 rounds to 1025.
        assertThat(Float.float16ToFloat(out.getShort(0))).isEqualTo(1f);
        assertThat(Float.float16ToFloat(out.getShort(2))).isEqualTo(768f);
    }

    @Test
    void vectorsFollowMsl() {
        float[] out = prelude.dispatch("vectors")
                .floats(0, 1, 2, 3, 4)
                .floats(1, new float[14])
                .grid(1, 1)
                .run()
                .floats(1);
        // Swizzles as values and as targets; explicit conversions; comparison, any, all; packed and padded sizes.
        assertThat(out).startsWith(2, 1, 1, 2).containsExactly(2, 1, 1, 2, 30, 2, 191, 1, 16, 16, 13, 24, 2, 1);
    }

    @Test
    void functionsFollowMsl() {
        float[] out = prelude.dispatch("functions")
                .floats(0, 0.75f, Float.NaN, Float.NEGATIVE_INFINITY)
                .floats(1, new float[18])
                .grid(1, 1)
                .run()
                .floats(1);
        float[] expected = {
            0.75f,
            2,
            0.5f,
            0.5f,
            (float) Math.tanh(0.5),
            (float) Math.E,
            1,
            1,
            1,
            1 + 0x1p-23f,
            4 + 310 + 3000,
            0xbc,
            0.1f,
            65504,
            10,
            3.5f,
            11,
            -1 + 1 + 3 + 2
        };
        for (int i = 0; i < expected.length; i++) {
            // libm is within an ulp; everything else is exact.
            assertThat(out[i]).as("out[%d]", i).isCloseTo(expected[i], within(Math.ulp(expected[i])));
        }
    }
}
