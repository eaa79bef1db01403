package dev.jemma.kernels.bench;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.CommandStream;
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
import dev.jemma.kernels.Weight;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import java.util.function.IntToDoubleFunction;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A device with one step and random inputs, the same on every device. Outputs are NaN, or -1, until they are written. */
final class Workspace implements AutoCloseable {
    static final long SEED = 20261121;

    /** Numbers that random memory repeats: drawing 600 MB of them takes longer than a benchmark. */
    private static final int DRAWN = 1 << 16;

    private static final int GROUP_SIZE = 64;

    /** @param exact whether it holds ids, which have no tolerance */
    record Output(String name, boolean exact, List<Double> elements) {}

    private final Device device;
    private final CommandStream stream;
    private final Step step;
    private final int rows;
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final List<DeviceBuffer> buffers = new ArrayList<>();
    private final List<Supplier<Output>> outputs = new ArrayList<>();

    /** @param position of the first row of the step's only sequence */
    Workspace(Device device, int rows, int position) {
        this.device = device;
        this.rows = rows;
        stream = device.openStream(new StepLimits(rows, rows, 2, position + rows, 16, 4096, 16_384, 1 << 18));
        step = new Step(rows, rows);
        step.addSpan(0, position, random.ints(rows, 0, 1 << 10).toArray(), 0, rows, rows);
    }

    void run(Kernel kernel) {
        kernel.op().accept(stream.begin(step));
        stream.await(stream.submit());
    }

    List<Output> outputs() {
        return outputs.stream().map(Supplier::get).toList();
    }

    /** Standard normal numbers. */
    Tensor input(RowSet set, int cols) {
        Tensor tensor = Tensor.f32(buffer(4L * rows * cols), set, cols);
        fill(tensor.at(), DType.F32, (long) rows * cols, random::nextGaussian);
        return tensor;
    }

    /** Cosines and sines of random angles: turning by them again and again keeps numbers as large as they are. */
    Tensor rotations(RowSet set, int headDim) {
        float[] numbers = new float[rows * headDim];
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < headDim / 2; i++) {
                double angle = random.nextDouble(2 * Math.PI);
                numbers[row * headDim + i] = (float) Math.cos(angle);
                numbers[row * headDim + headDim / 2 + i] = (float) Math.sin(angle);
            }
        }
        DeviceBuffer buffer = buffer(4L * numbers.length);
        buffer.write(0, MemorySegment.ofArray(numbers));
        return Tensor.f32(buffer, set, headDim);
    }

    /** Ids in {@code [0, bound)}. */
    Tensor ids(RowSet set, int cols, int bound) {
        DeviceBuffer buffer = buffer(4L * rows * cols);
        buffer.write(
                0,
                MemorySegment.ofArray(random.ints((long) rows * cols, 0, bound).toArray()));
        return Tensor.i32(buffer, set, cols);
    }

    Tensor output(RowSet set, int cols) {
        Tensor tensor = Tensor.f32(buffer(4L * rows * cols), set, cols);
        fill(tensor.at(), DType.F32, (long) rows * cols, () -> Double.NaN);
        return watched(tensor);
    }

    Tensor outputIds(RowSet set, int cols) {
        DeviceBuffer buffer = buffer(4L * rows * cols);
        int[] unwritten = new int[rows * cols];
        Arrays.fill(unwritten, -1);
        buffer.write(0, MemorySegment.ofArray(unwritten));
        outputs.add(() -> {
            int[] ids = new int[unwritten.length];
            buffer.read(0, MemorySegment.ofArray(ids));
            return new Output("ids", true, doubles(ids.length, i -> ids[i]));
        });
        return Tensor.i32(buffer, set, cols);
    }

    /** An input that the op changes: an output too. */
    Tensor watched(Tensor tensor) {
        outputs.add(() -> {
            float[] elements = new float[rows * tensor.cols()];
            tensor.at().buffer().read(0, MemorySegment.ofArray(elements));
            return new Output(
                    "[" + rows + ", " + tensor.cols() + "]", false, doubles(elements.length, i -> elements[i]));
        });
        return tensor;
    }

    VectorF32 vector(int length) {
        Region at = new Region(buffer(4L * length), 0);
        fill(at, DType.F32, length, random::nextGaussian);
        return new VectorF32(at, length);
    }

    /** A full F16 cache of two sequences; window 0: none. */
    KvView cache(int numKvHeads, int headDim, int capacity, int window) {
        long elements = 2L * numKvHeads * capacity * headDim;
        Region keys = new Region(buffer(2 * elements), 0);
        Region values = new Region(buffer(2 * elements), 0);
        fill(keys, DType.F16, elements, random::nextGaussian);
        fill(values, DType.F16, elements, random::nextGaussian);
        for (Region half : List.of(keys, values)) {
            outputs.add(() -> {
                short[] bits = new short[Math.toIntExact(elements)];
                half.buffer().read(0, MemorySegment.ofArray(bits));
                return new Output("cache", false, doubles(bits.length, i -> Float.float16ToFloat(bits[i])));
            });
        }
        return new KvView(keys, values, DType.F16, 2, numKvHeads, headDim, capacity, window);
    }

    private static List<Double> doubles(int count, IntToDoubleFunction number) {
        return IntStream.range(0, count).mapToDouble(number).boxed().toList();
    }

    /** Matrices of one shape that fill about {@code bytes} of memory; at least one. */
    Turns<Weight> weights(Format format, int outputs, int cols, long bytes) {
        Weight first = weight(format, outputs, cols);
        return new Turns<>(Stream.iterate(first, w -> weight(format, outputs, cols))
                .limit(Math.max(1, bytes / first.byteSize()))
                .toList());
    }

    /** Numbers of about {@code 1 / sqrt(cols)}, so that outputs are of the size of inputs. */
    Weight weight(Format format, int outputs, int cols) {
        return switch (format) {
            case BF16 -> dense(DType.BF16, outputs, cols);
            case F16 -> dense(DType.F16, outputs, cols);
            case F32 -> dense(DType.F32, outputs, cols);
            case BITS8 -> affine(8, outputs, cols);
            case BITS4 -> affine(4, outputs, cols);
        };
    }

    private Weight dense(DType dtype, int outputs, int cols) {
        Region at = new Region(buffer(dtype.bytes((long) outputs * cols)), 0);
        fill(at, dtype, (long) outputs * cols, () -> random.nextGaussian() / Math.sqrt(cols));
        return new DenseWeight(at, dtype, outputs, cols);
    }

    private Weight affine(int bits, int outputs, int cols) {
        long numbers = (long) outputs * cols;
        byte[] drawn = new byte[DRAWN];
        random.nextBytes(drawn);
        Region codes = new Region(buffer(numbers * bits / 8), 0);
        repeat(codes, MemorySegment.ofArray(drawn), numbers * bits / 8);
        Region scales = new Region(buffer(2 * numbers / GROUP_SIZE), 0);
        Region biases = new Region(buffer(2 * numbers / GROUP_SIZE), 0);
        // Codes span two deviations to either side.
        double step = 4 / Math.sqrt(cols) / ((1 << bits) - 1);
        fill(scales, DType.BF16, numbers / GROUP_SIZE, () -> step * (0.5 + random.nextDouble()));
        fill(biases, DType.BF16, numbers / GROUP_SIZE, () -> -(1 + random.nextDouble()) / Math.sqrt(cols));
        return new AffineWeight(codes, scales, biases, DType.BF16, bits, GROUP_SIZE, outputs, cols);
    }

    private DeviceBuffer buffer(long bytes) {
        DeviceBuffer buffer = device.allocate(bytes, "benchmark");
        buffers.add(buffer);
        return buffer;
    }

    private static void fill(Region at, DType dtype, long count, DoubleSupplier numbers) {
        int drawn = (int) Math.min(count, DRAWN);
        MemorySegment block = MemorySegment.ofArray(new byte[Math.toIntExact(dtype.bytes(drawn))]);
        for (int i = 0; i < drawn; i++) {
            float number = (float) numbers.getAsDouble();
            long offset = dtype.bytes(i);
            switch (dtype) {
                case F32 -> block.set(ValueLayout.JAVA_FLOAT_UNALIGNED, offset, number);
                case F16 -> block.set(ValueLayout.JAVA_SHORT_UNALIGNED, offset, Float.floatToFloat16(number));
                case BF16 ->
                    block.set(
                            ValueLayout.JAVA_SHORT_UNALIGNED, offset, (short) (Float.floatToRawIntBits(number) >>> 16));
                case I32 -> throw new IllegalArgumentException("numbers are floating-point");
            }
        }
        repeat(at, block, dtype.bytes(count));
    }

    private static void repeat(Region at, MemorySegment block, long bytes) {
        for (long offset = 0; offset < bytes; offset += block.byteSize()) {
            long length = Math.min(block.byteSize(), bytes - offset);
            at.buffer().write(at.byteOffset() + offset, block.asSlice(0, length));
        }
    }

    @Override
    public void close() {
        stream.close();
        buffers.forEach(DeviceBuffer::close);
        device.close();
    }
}
