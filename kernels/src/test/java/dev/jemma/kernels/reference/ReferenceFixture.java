package dev.jemma.kernels.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;

/** The reference device with a few numbers on it. */
abstract class ReferenceFixture {
    /** Half a unit in the last place of F32: results are exact but for their rounding to F32. */
    static final double ROUNDING = 0x1p-24;

    private final Device device = Backends.checked(new ReferenceDevice());
    private final CommandStream stream = device.openStream(new StepLimits(16, 16, 4, 100_000, 8, 512, 512, 512));
    private final List<DeviceBuffer> buffers = new ArrayList<>();
    final Step step = new Step(16, 16);

    @AfterEach
    void releaseDevice() {
        buffers.forEach(DeviceBuffer::close);
        stream.close();
        assertThat(device.memory().allocatedBytes()).isZero();
        device.close();
    }

    /** A step of one span of slot 0, all rows with logits. */
    void rows(int position, int count) {
        step.clear();
        step.addSpan(0, position, new int[count], 0, count, count);
    }

    void run(Consumer<Commands> ops) {
        ops.accept(stream.begin(step));
        stream.await(stream.submit());
    }

    Region region(MemorySegment content) {
        DeviceBuffer buffer = device.allocate(content.byteSize(), "buffer " + buffers.size());
        buffers.add(buffer);
        buffer.write(0, content);
        return new Region(buffer, 0);
    }

    Tensor f32(int cols, float... elements) {
        return new Tensor(region(MemorySegment.ofArray(elements)), DType.F32, RowSet.ALL, cols, cols);
    }

    Tensor f32(RowSet rows, int cols) {
        return Tensor.f32(region(MemorySegment.ofArray(new float[16 * cols])).buffer(), rows, cols);
    }

    Tensor i32(int cols, int... ids) {
        return new Tensor(region(MemorySegment.ofArray(ids)), DType.I32, RowSet.ALL, cols, cols);
    }

    VectorF32 vector(float... elements) {
        return new VectorF32(region(MemorySegment.ofArray(elements)), elements.length);
    }

    DenseWeight weight(int rows, int cols, float... elements) {
        return new DenseWeight(region(MemorySegment.ofArray(elements)), DType.F32, rows, cols);
    }

    KvView cache(DType dtype, int slots, int numKvHeads, int headDim, int capacity, int window) {
        long bytes = dtype.bytes((long) slots * numKvHeads * capacity * headDim);
        return new KvView(zeros(bytes), zeros(bytes), dtype, slots, numKvHeads, headDim, capacity, window);
    }

    private Region zeros(long byteSize) {
        return region(MemorySegment.ofArray(new byte[Math.toIntExact(byteSize)]));
    }

    float[] floats(Tensor tensor) {
        float[] elements = new float[step.count(tensor.rows()) * tensor.cols()];
        tensor.at().buffer().read(tensor.at().byteOffset(), MemorySegment.ofArray(elements));
        return elements;
    }

    int[] ids(Tensor tensor) {
        int[] elements = new int[step.count(tensor.rows()) * tensor.cols()];
        tensor.at().buffer().read(tensor.at().byteOffset(), MemorySegment.ofArray(elements));
        return elements;
    }

    short[] halves(Region region, int count) {
        short[] elements = new short[count];
        region.buffer().read(region.byteOffset(), MemorySegment.ofArray(elements));
        return elements;
    }

    static float[] repeat(float value, int count) {
        float[] elements = new float[count];
        Arrays.fill(elements, value);
        return elements;
    }

    static void assertClose(float[] actual, double... expected) {
        assertThat(actual).hasSize(expected.length);
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) actual[i])
                    .as("element %d of %s", i, Arrays.toString(actual))
                    .isCloseTo(expected[i], offset(ROUNDING * Math.max(1, Math.abs(expected[i]))));
        }
    }
}
