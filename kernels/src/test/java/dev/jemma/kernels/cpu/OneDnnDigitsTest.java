package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.RowSet.ALL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.onednn.OneDnnLibrary;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products of affine weights in whole numbers: the same bits whatever is computed beside, and as exact as F32. */
class OneDnnDigitsTest {
    private static final int MAX_ROWS = 150;

    @BeforeAll
    static void needsOneDnn() {
        OneDnnLibrary.Outcome outcome = OneDnnLibrary.outcome();
        assumeTrue(outcome.library() != null, () -> "oneDNN is not used on this machine: " + outcome.reason());
        assumeTrue(Lanes.COUNT == 16, () -> "vectors are held to " + Lanes.BYTES + " bytes");
    }

    /** A product of so many columns, its operands random. */
    private static final class Product implements AutoCloseable {
        private final Device device = Backends.checked(new CpuDevice(2, OneDnnUse.AUTO, true));
        private final List<DeviceBuffer> buffers = new ArrayList<>();
        private final int cols;
        private final int outputs;
        private final int groupSize;
        private final int bits;
        final float[] x;
        private final byte[] codes;
        private final float[] scales;
        private final float[] biases;
        private final Weight weight;
        private final CommandStream stream;

        Product(int bits, int groupSize, int outputs, int cols) {
            this.bits = bits;
            this.groupSize = groupSize;
            this.outputs = outputs;
            this.cols = cols;
            Random random = new Random(31L * cols + bits);
            stream = device.openStream(new StepLimits(MAX_ROWS, 1, 1, 256, 1, 64, Math.max(cols, outputs), 64));
            x = new float[MAX_ROWS * cols];
            for (int i = 0; i < x.length; i++) {
                x[i] = (float) random.nextGaussian();
            }
            codes = new byte[outputs * cols * bits / 8];
            random.nextBytes(codes);
            scales = new float[outputs * cols / groupSize];
            biases = new float[scales.length];
            for (int i = 0; i < scales.length; i++) {
                scales[i] = (0.5f + random.nextFloat()) / (1 << bits);
                biases[i] = random.nextFloat() - 1;
            }
            weight = new AffineWeight(
                    region(MemorySegment.ofArray(codes)),
                    region(MemorySegment.ofArray(scales)),
                    region(MemorySegment.ofArray(biases)),
                    DType.F32,
                    bits,
                    groupSize,
                    outputs,
                    cols);
        }

        private Region region(MemorySegment content) {
            DeviceBuffer buffer = device.allocate(content.byteSize(), "test");
            buffers.add(buffer);
            buffer.write(0, content);
            return new Region(buffer, 0);
        }

        /** Outputs of some rows in a step of their own. */
        float[] outputs(int first, int rows) {
            MemorySegment content = MemorySegment.ofArray(x).asSlice(4L * first * cols, 4L * rows * cols);
            float[] result = new float[rows * outputs];
            Tensor in = Tensor.f32(room(rows * cols), ALL, cols);
            Tensor out = Tensor.f32(room(rows * outputs), ALL, outputs);
            buffers.get(buffers.size() - 2).write(0, content);
            Step step = new Step(MAX_ROWS, 1);
            step.addSpan(0, 0, new int[rows], 0, rows, 1);
            stream.begin(step).matmul(out, in, weight);
            stream.submit();
            buffers.getLast().read(0, MemorySegment.ofArray(result));
            return result;
        }

        private DeviceBuffer room(int floats) {
            DeviceBuffer buffer = device.allocate(4L * floats, "test");
            buffers.add(buffer);
            return buffer;
        }

        double weight(int output, int col) {
            int at = output * cols + col;
            int code = bits == 8 ? codes[at] & 255 : (codes[at / 2] >> (at % 2 * 4)) & 15;
            return (double) scales[at / groupSize] * code + biases[at / groupSize];
        }

        @Override
        public void close() {
            stream.close();
            buffers.forEach(DeviceBuffer::close);
            device.close();
        }
    }

    /** 2,304 columns are two stretches, 1,056 do not fill the last vector of codes; 270 outputs are several panels. */
    @ParameterizedTest
    @CsvSource({"4, 64, 270, 256", "4, 32, 33, 1056", "8, 64, 270, 256", "8, 128, 40, 2304", "4, 128, 40, 2304"})
    void aRowsOutputsDoNotDependOnOtherRows(int bits, int groupSize, int outputs, int cols) {
        try (Product product = new Product(bits, groupSize, outputs, cols)) {
            float[] all = product.outputs(0, MAX_ROWS);
            for (int rows : new int[] {OneDnnDigits.MIN_ROWS, 9, 16, 17, 33, 64, 65, 128}) {
                for (int first : new int[] {0, MAX_ROWS - rows}) {
                    float[] some = product.outputs(first, rows);
                    float[] expected = new float[some.length];
                    System.arraycopy(all, first * outputs, expected, 0, expected.length);
                    assertThat(some).as("%d rows from row %d on", rows, first).isEqualTo(expected);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"4, 64, 40, 1152", "8, 64, 40, 1152", "8, 32, 40, 6912", "4, 128, 40, 6912"})
    void outputsAreAsExactAsSumsInF32(int bits, int groupSize, int outputs, int cols) {
        try (Product product = new Product(bits, groupSize, outputs, cols)) {
            float[] out = product.outputs(0, 20);
            double ours = 0;
            double theirs = 0;
            for (int row = 0; row < 20; row++) {
                for (int output = 0; output < outputs; output++) {
                    double exact = 0;
                    float inOrder = 0;
                    for (int col = 0; col < cols; col++) {
                        double weight = product.weight(output, col);
                        exact += weight * product.x[row * cols + col];
                        inOrder = Math.fma((float) weight, product.x[row * cols + col], inOrder);
                    }
                    ours += Math.pow(out[row * outputs + output] - exact, 2);
                    theirs += Math.pow(inOrder - exact, 2);
                }
            }
            assertThat(Math.sqrt(ours)).as("root of the squared errors").isLessThan(Math.sqrt(theirs));
        }
    }
}
