package dev.jemma.kernels.metal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.gpu.SdpaKernels;
import dev.jemma.kernels.gpu.SdpaOperands;
import dev.jemma.kernels.gpu.SdpaShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The SDPA kernels against plain loops in double. */
class SdpaKernelsTest extends MetalTest {
    private static final long SEED = 20261121;

    /** Mask of one comparison: window 0 for none. */
    private record Mask(boolean causal, int window, int ringStart) {}

    private final Random random = new Random(SEED);

    private float[] numbers(long count, DType dtype) {
        float[] numbers = new float[Math.toIntExact(count)];
        for (int i = 0; i < numbers.length; i++) {
            float x = (float) random.nextGaussian();
            numbers[i] = dtype == DType.BF16 ? Float.intBitsToFloat(Float.floatToIntBits(x) & 0xffff0000) : x;
        }
        return numbers;
    }

    private DeviceBuffer upload(float[] numbers, DType dtype) {
        DeviceBuffer buffer = driver.allocate(dtype.bytes(numbers.length), "sdpa operand");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(buffer.byteSize(), 4);
            for (int i = 0; i < numbers.length; i++) {
                if (dtype == DType.F32) {
                    bytes.setAtIndex(ValueLayout.JAVA_FLOAT, i, numbers[i]);
                } else {
                    bytes.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToIntBits(numbers[i]) >>> 16));
                }
            }
            buffer.write(0, bytes);
        }
        return buffer;
    }

    private static double read(MemorySegment bytes, int i, DType dtype) {
        return dtype == DType.F32
                ? bytes.getAtIndex(ValueLayout.JAVA_FLOAT, i)
                : Float.intBitsToFloat(bytes.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
    }

    /** {@code out[b, h, s, :]}, from the formula. */
    private static double[] expected(SdpaShape shape, Mask mask, float[] q, float[] k, float[] v, int row) {
        int headDim = shape.headDim();
        int query = row % shape.seqLen();
        int head = row / shape.seqLen() % shape.numHeads();
        int batch = row / shape.seqLen() / shape.numHeads();
        int kvHead = batch * shape.numKvHeads() + head / (shape.numHeads() / shape.numKvHeads());
        int own = shape.kvSeqLen() - shape.seqLen() + query;
        int first = mask.window() > 0 ? Math.max(0, own - mask.window() + 1) : 0;
        int last = mask.causal() ? own : shape.kvSeqLen() - 1;
        double[] out = new double[headDim];
        double weight = 0;
        for (int key = first; key <= last; key++) {
            int at = (kvHead * shape.kvCapacity() + (mask.ringStart() + key) % shape.kvCapacity()) * headDim;
            double score = 0;
            for (int i = 0; i < headDim; i++) {
                score += (double) q[row * headDim + i] * k[at + i];
            }
            double share = Math.exp(score * shape.scale());
            weight += share;
            for (int i = 0; i < headDim; i++) {
                out[i] += share * v[at + i];
            }
        }
        for (int i = 0; i < headDim; i++) {
            out[i] /= weight;
        }
        return out;
    }

    private void compare(DType dtype, SdpaShape shape, Mask mask) {
        int queryElements = shape.batch() * shape.numHeads() * shape.seqLen() * shape.headDim();
        int keyElements = shape.batch() * shape.numKvHeads() * shape.kvCapacity() * shape.headDim();
        float[] q = numbers(queryElements, dtype);
        float[] k = numbers(keyElements, dtype);
        float[] v = numbers(keyElements, dtype);
        List<DeviceBuffer> buffers =
                List.of(upload(q, dtype), upload(k, dtype), upload(v, dtype), upload(new float[queryElements], dtype));
        SdpaOperands operands = operands(dtype, buffers);
        try (GpuStream stream = driver.openStream();
                SdpaKernels kernels = new SdpaKernels(driver);
                Arena arena = Arena.ofConfined()) {
            stream.begin(INPUTS);
            if (mask.window() > 0) {
                kernels.slidingSdpa(stream, shape, mask.window(), mask.ringStart(), operands);
            } else {
                kernels.sdpa(stream, shape, mask.causal(), operands);
            }
            stream.await(stream.submit());
            MemorySegment actual = arena.allocate(dtype.bytes(queryElements), 4);
            operands.out().buffer().read(0, actual);
            // Scores below 40 in size, each off by up to 2^-24 * headDim parts of it, move weights by e^error: 2e-4 is
            // far above what sums of 512 terms reach and far below what one key too many or too few changes. BF16 adds
            // the rounding of the output, 2^-8 of values below 5.
            double tolerance = 2e-4 + (dtype == DType.BF16 ? 5 * 0x1p-8 : 0);
            for (int row = 0; row < queryElements / shape.headDim(); row++) {
                double[] wanted = expected(shape, mask, q, k, v, row);
                for (int i = 0; i < shape.headDim(); i++) {
                    assertThat(Math.abs(read(actual, row * shape.headDim() + i, dtype) - wanted[i]))
                            .as("%s %s %s row %d column %d, seed %d", dtype, shape, mask, row, i, SEED)
                            .isLessThanOrEqualTo(tolerance);
                }
            }
        } finally {
            buffers.forEach(DeviceBuffer::close);
        }
    }

    private static SdpaOperands operands(DType dtype, List<DeviceBuffer> buffers) {
        List<Region> at = new ArrayList<>();
        buffers.forEach(buffer -> at.add(new Region(buffer, 0)));
        return new SdpaOperands(dtype, at.get(0), at.get(1), at.get(2), at.get(3));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 1, 1, 1, 1, 1",
        "1, 4, 2, 64, 5, 9, 12",
        "2, 8, 1, 40, 3, 33, 64",
        "1, 2, 2, 512, 2, 7, 7",
        "1, 16, 8, 256, 1, 40, 41",
    })
    void causalAndNot(int batch, int heads, int kvHeads, int headDim, int seqLen, int kvSeqLen, int capacity) {
        float scale = (float) (1 / Math.sqrt(headDim));
        SdpaShape shape = new SdpaShape(batch, heads, kvHeads, headDim, seqLen, kvSeqLen, capacity, scale);
        for (DType dtype : List.of(DType.F32, DType.BF16)) {
            compare(dtype, shape, new Mask(true, 0, 0));
            compare(dtype, shape, new Mask(false, 0, 0));
        }
    }

    /** A window has its own key and {@code window - 1} before it, in a linear cache and around the end of a ring. */
    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "BF16"})
    void exactlyWindowKeys(DType dtype) {
        SdpaShape linear = new SdpaShape(1, 4, 2, 32, 9, 20, 20, 0.3f);
        compare(dtype, linear, new Mask(true, 1, 0));
        compare(dtype, linear, new Mask(true, 8, 0));
        compare(dtype, linear, new Mask(true, 20, 0));
        compare(dtype, linear, new Mask(true, 100, 0));
        SdpaShape ring = new SdpaShape(2, 4, 2, 32, 3, 10, 10, 0.3f);
        for (int start = 0; start < 10; start++) {
            compare(dtype, ring, new Mask(true, 8, start));
        }
    }

    @Test
    void refusesWhatWouldReadOrWriteElsewhere() {
        assertRefused(() -> new SdpaShape(0, 1, 1, 8, 1, 1, 1, 1), "positive");
        assertRefused(() -> new SdpaShape(1, 16, 7, 8, 1, 1, 1, 1), "divide");
        assertRefused(() -> new SdpaShape(1, 1, 1, 513, 1, 1, 1, 1), "512");
        assertRefused(() -> new SdpaShape(1, 1, 1, 8, 1, 9, 8, 1), "capacity");
        assertRefused(() -> new SdpaShape(1, 1, 1, 8, 5, 4, 8, 1), "queries");
        SdpaShape shape = new SdpaShape(1, 2, 1, 8, 2, 4, 8, 1);
        try (DeviceBuffer right = driver.allocate(4 * 64, "right");
                DeviceBuffer small = driver.allocate(4 * 64 - 4, "small");
                DeviceBuffer out = driver.allocate(4 * 32, "out");
                GpuStream stream = driver.openStream();
                SdpaKernels kernels = new SdpaKernels(driver)) {
            Region r = new Region(right, 0);
            Region o = new Region(out, 0);
            stream.begin(INPUTS);
            Consumer<SdpaOperands> run = operands -> kernels.sdpa(stream, shape, true, operands);
            assertRefused(() -> new SdpaOperands(DType.F16, r, r, r, o), "F32 or BF16");
            assertRefused(() -> run.accept(new SdpaOperands(DType.F32, r, new Region(small, 0), r, o)), "keys");
            assertRefused(() -> run.accept(new SdpaOperands(DType.F32, r, r, new Region(small, 0), o)), "values");
            assertRefused(() -> run.accept(new SdpaOperands(DType.F32, r, r, r, new Region(out, 4))), "output");
            assertRefused(() -> run.accept(new SdpaOperands(DType.F32, r, r, r, r)), "overlaps");
            SdpaOperands good = new SdpaOperands(DType.F32, r, r, r, o);
            assertRefused(() -> kernels.slidingSdpa(stream, shape, 0, 0, good), "window");
            assertRefused(() -> kernels.slidingSdpa(stream, shape, 4, 8, good), "ring start");
            stream.abandon();
        }
    }

    private static void assertRefused(Runnable call, String reason) {
        assertThatThrownBy(call::run)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(reason);
    }
}
