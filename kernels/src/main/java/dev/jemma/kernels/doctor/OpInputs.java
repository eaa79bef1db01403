package dev.jemma.kernels.doctor;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntToDoubleFunction;

/**
 * Operands of one op on one device, drawn from a seeded generator: two instances with the same seed that are asked for
 * the same things hold the same numbers.
 */
final class OpInputs implements AutoCloseable {
    private final Device device;
    private final Step step;
    private final Random random;
    private final Arena hostMemory = Arena.ofShared();
    private final List<DeviceBuffer> buffers = new ArrayList<>();

    OpInputs(Device device, Step step, long seed) {
        this.device = device;
        this.step = step;
        random = new Random(seed);
    }

    Step step() {
        return step;
    }

    /** Uniform values in [-1, 1). */
    Tensor tensor(RowSet rows, int cols) {
        return Tensor.f32(floats(step.maxCount(rows) * cols, i -> signed()), rows, cols);
    }

    Tensor tensor(int cols) {
        return tensor(RowSet.ALL, cols);
    }

    /** Zeroed ids, to be written by an op. */
    Tensor ids(RowSet rows, int cols) {
        return Tensor.i32(keep(device.allocate(4L * step.maxCount(rows) * cols, "ids")), rows, cols);
    }

    /** Ids below {@code bound}. */
    Tensor idsBelow(RowSet rows, int cols, int bound) {
        Tensor ids = ids(rows, cols);
        ids.at()
                .buffer()
                .write(
                        0,
                        MemorySegment.ofArray(random.ints((long) step.maxCount(rows) * cols, 0, bound)
                                .toArray()));
        return ids;
    }

    Region intsBelow(int count, int bound) {
        DeviceBuffer buffer = keep(device.allocate(4L * count, "ints"));
        buffer.write(0, MemorySegment.ofArray(random.ints(count, 0, bound).toArray()));
        return new Region(buffer, 0);
    }

    /** Constants in [0.5, 1.5): norm factors, expert scales. */
    VectorF32 factors(int length) {
        return new VectorF32(new Region(floats(length, i -> 0.5 + random.nextFloat()), 0), length);
    }

    /** RoPE frequencies {@code 10000^(-2i/d)}. */
    VectorF32 frequencies(int headDim) {
        int pairs = headDim / 2;
        return new VectorF32(new Region(floats(pairs, i -> Math.pow(10_000, -i / (double) pairs)), 0), pairs);
    }

    Weight dense(DType dtype, int rows, int cols) {
        int count = rows * cols;
        if (dtype == DType.F32) {
            return new DenseWeight(new Region(floats(count, i -> signed()), 0), dtype, rows, cols);
        }
        short[] bits = new short[count];
        for (int i = 0; i < count; i++) {
            bits[i] = half(dtype, (float) signed());
        }
        return new DenseWeight(adopted(MemorySegment.ofArray(bits)), dtype, rows, cols);
    }

    /** An MLX matrix with BF16 scales, some of them negative. */
    Weight affine(int bits, int groupSize, int rows, int cols) {
        byte[] codes = new byte[rows * cols * bits / 8];
        random.nextBytes(codes);
        int groups = rows * cols / groupSize;
        short[] scales = new short[groups];
        short[] biases = new short[groups];
        double levels = 1 << bits;
        for (int i = 0; i < groups; i++) {
            scales[i] = half(DType.BF16, (float) (2 * signed() / levels));
            biases[i] = half(DType.BF16, (float) signed());
        }
        return new AffineWeight(
                adopted(MemorySegment.ofArray(codes)),
                adopted(MemorySegment.ofArray(scales)),
                adopted(MemorySegment.ofArray(biases)),
                DType.BF16,
                bits,
                groupSize,
                rows,
                cols);
    }

    /** An F16 cache whose every row is filled, as after many steps. */
    KvView cache(int slots, int numKvHeads, int headDim, int capacity, int window) {
        int count = slots * numKvHeads * capacity * headDim;
        return new KvView(halves(count), halves(count), DType.F16, slots, numKvHeads, headDim, capacity, window);
    }

    private Region halves(int count) {
        short[] bits = new short[count];
        for (int i = 0; i < count; i++) {
            bits[i] = Float.floatToFloat16((float) signed());
        }
        DeviceBuffer buffer = keep(device.allocate(2L * count, "kv cache"));
        buffer.write(0, MemorySegment.ofArray(bits));
        return new Region(buffer, 0);
    }

    /** Through {@link Device#adopt}, as weights come. */
    private Region adopted(MemorySegment bytes) {
        MemorySegment copy = hostMemory.allocate(bytes.byteSize(), 16).copyFrom(bytes);
        Region region = device.adopt(copy, "weights");
        keep(region.buffer());
        return region;
    }

    private DeviceBuffer floats(int count, IntToDoubleFunction value) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) value.applyAsDouble(i);
        }
        DeviceBuffer buffer = keep(device.allocate(4L * count, "floats"));
        buffer.write(0, MemorySegment.ofArray(values));
        return buffer;
    }

    private double signed() {
        return 2 * random.nextFloat() - 1;
    }

    private static short half(DType dtype, float value) {
        return dtype == DType.F16 ? Float.floatToFloat16(value) : (short) (Float.floatToRawIntBits(value) >>> 16);
    }

    private DeviceBuffer keep(DeviceBuffer buffer) {
        buffers.add(buffer);
        return buffer;
    }

    /** The tensor's elements, ids as their integer values. */
    double[] read(Tensor tensor) {
        int rows = step.count(tensor.rows());
        double[] values = new double[rows * tensor.cols()];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment row = arena.allocate(4L * tensor.cols(), 4);
            for (int r = 0; r < rows; r++) {
                tensor.at().buffer().read(tensor.rowOffset(r), row);
                for (int i = 0; i < tensor.cols(); i++) {
                    values[r * tensor.cols() + i] = tensor.dtype() == DType.I32
                            ? row.getAtIndex(ValueLayout.JAVA_INT, i)
                            : row.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                }
            }
        }
        return values;
    }

    @Override
    public void close() {
        buffers.reversed().forEach(DeviceBuffer::close);
        hostMemory.close();
    }
}
