package dev.jemma.kernels.contract;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * One device with a step, random inputs and outputs for one case. The same case on two benches of the same seed gets
 * the same inputs. Add the step's spans before asking for activations: only its rows are filled.
 */
public final class Bench implements AutoCloseable {
    /** Room for every case of the contract. */
    static final StepLimits LIMITS = limits(0);

    static StepLimits limits(int numExperts) {
        return new StepLimits(136, 136, 4, 8192, 16, 4096, 8448, 70_000, numExperts);
    }

    /** Rows that every activation has memory for: more than most steps use, to show writes past the last. */
    private static final int MIN_ROWS = 40;

    private final Device device;
    private final CommandStream stream;
    private final Arithmetic arithmetic;
    private final SplittableRandom random;
    private final Arena arena = Arena.ofConfined();
    private final Step step = new Step(LIMITS.maxRows(), LIMITS.maxOutputRows());
    private final List<Block> blocks = new ArrayList<>();
    private final List<Region> adopted = new ArrayList<>();
    // By identity: cases use the records they were given, and hashing one takes longer than an element's arithmetic.
    private final IdentityHashMap<Tensor, Block> memory = new IdentityHashMap<>();
    private final IdentityHashMap<Object, double[]> values = new IdentityHashMap<>();
    private final IdentityHashMap<Tensor, Tolerance> compared = new IdentityHashMap<>();
    private final List<Tensor> outputs = new ArrayList<>();
    private final List<CacheBlocks> caches = new ArrayList<>();
    private int colsBefore;
    private int colsAfter;
    private int uploaded;

    Bench(Device device, CommandStream stream, Arithmetic arithmetic, long seed) {
        this.device = device;
        this.stream = stream;
        this.arithmetic = arithmetic;
        this.random = new SplittableRandom(seed);
    }

    Arithmetic arithmetic() {
        return arithmetic;
    }

    SplittableRandom random() {
        return random;
    }

    Step step() {
        return step;
    }

    int count(RowSet rows) {
        return step.count(rows);
    }

    /** Adds a span of random tokens to the step. */
    Bench span(int slot, int position, int rows, int outputRows) {
        step.addSpan(slot, position, random.ints(rows, 0, 100).toArray(), 0, rows, outputRows);
        return this;
    }

    /** Activations from here on are slices of rows with so many columns more. */
    Bench placement(int before, int after) {
        colsBefore = before;
        colsAfter = after;
        return this;
    }

    // Activations

    private Tensor place(String name, DType dtype, RowSet rows, int cols) {
        int stride = colsBefore + cols + colsAfter;
        Block block = block(name, dtype.bytes((long) Math.max(MIN_ROWS, count(rows)) * stride));
        Tensor tensor = new Tensor(block.region().plus(dtype.bytes(colsBefore)), dtype, rows, cols, stride);
        memory.put(tensor, block);
        return tensor;
    }

    Block block(String label, long byteSize) {
        Block block = new Block(device, label, byteSize);
        blocks.add(block);
        return block;
    }

    private long offset(Tensor tensor, int row) {
        return tensor.dtype().bytes((long) row * tensor.rowStride() + colsBefore(tensor));
    }

    private long colsBefore(Tensor tensor) {
        Block block = Objects.requireNonNull(memory.get(tensor));
        return (tensor.at().byteOffset() - block.region().byteOffset())
                / tensor.dtype().byteSize();
    }

    /** Standard normal F32. */
    Tensor input(String name, RowSet rows, int cols) {
        return input(name, rows, cols, normal(count(rows) * cols, 1));
    }

    Tensor input(String name, RowSet rows, int cols, double[] elements) {
        Tensor tensor = place(name, DType.F32, rows, cols);
        fill(tensor, elements);
        return tensor;
    }

    Tensor inputIds(String name, RowSet rows, int cols, int... ids) {
        Tensor tensor = place(name, DType.I32, rows, cols);
        Block block = Objects.requireNonNull(memory.get(tensor));
        for (int i = 0; i < ids.length; i++) {
            block.setInt(offset(tensor, i / cols) + DType.I32.bytes(i % cols), ids[i]);
        }
        return tensor;
    }

    /** Fills an activation before the step runs. */
    private void fill(Tensor tensor, double[] elements) {
        Block block = Objects.requireNonNull(memory.get(tensor));
        for (int i = 0; i < elements.length; i++) {
            block.setFloat(offset(tensor, i / tensor.cols()) + DType.F32.bytes(i % tensor.cols()), (float) elements[i]);
        }
        values.put(tensor, elements);
    }

    /** F32 numbers in double. */
    double[] normal(int count, double deviation) {
        double[] numbers = new double[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) (random.nextGaussian() * deviation);
        }
        return numbers;
    }

    /** Uninitialised memory that an op fills and the case {@link #compare compares}. */
    Tensor output(String name, RowSet rows, int cols) {
        Tensor tensor = scratch(name, rows, cols);
        outputs.add(tensor);
        return tensor;
    }

    Tensor outputIds(String name, RowSet rows, int cols) {
        Tensor tensor = place(name, DType.I32, rows, cols);
        allowRows(tensor);
        outputs.add(tensor);
        compare(tensor, Tolerance.EXACT);
        return tensor;
    }

    /** An input that an op changes, and the case compares. */
    Tensor inOut(String name, RowSet rows, int cols) {
        Tensor tensor = input(name, rows, cols);
        allowRows(tensor);
        outputs.add(tensor);
        return tensor;
    }

    /** Uninitialised memory that an op may write anything to. */
    Tensor scratch(String name, RowSet rows, int cols) {
        Tensor tensor = place(name, DType.F32, rows, cols);
        allowRows(tensor);
        return tensor;
    }

    /** An input that is undefined afterwards. */
    Tensor consumed(String name, RowSet rows, int cols) {
        Tensor tensor = input(name, rows, cols);
        allowRows(tensor);
        return tensor;
    }

    private void allowRows(Tensor tensor) {
        Block block = Objects.requireNonNull(memory.get(tensor));
        for (int row = 0; row < count(tensor.rows()); row++) {
            block.allow(offset(tensor, row), tensor.dtype().bytes(tensor.cols()));
        }
    }

    void compare(Tensor output, Tolerance tolerance) {
        compared.put(output, tolerance);
    }

    /** What an input was filled with, row-major. */
    double[] values(Object input) {
        return Objects.requireNonNull(values.get(input));
    }

    double value(Tensor input, int row, int col) {
        return values(input)[row * input.cols() + col];
    }

    // Constants

    VectorF32 vector(String name, double... elements) {
        Block block = block(name, DType.F32.bytes(elements.length));
        for (int i = 0; i < elements.length; i++) {
            block.setFloat(DType.F32.bytes(i), (float) elements[i]);
        }
        VectorF32 vector = new VectorF32(block.region(), elements.length);
        values.put(vector, elements);
        return vector;
    }

    Norm norm(int size, boolean factors) {
        return new Norm(size, 1e-6f, factors ? vector("norm factors", normal(size, 1)) : null);
    }

    /** Bytes as they lie in a mapped file, {@code misalignment} bytes past a page. */
    Region adopt(String label, ByteBuffer bytes, int misalignment) {
        MemorySegment content = MemorySegment.ofBuffer(bytes.clear());
        MemorySegment file = arena.allocate(content.byteSize() + misalignment, 4096);
        file.asSlice(misalignment).copyFrom(content);
        Region region = device.adopt(file.asReadOnly(), label);
        adopted.add(region);
        return region.plus(misalignment);
    }

    /** A cache of standard normal numbers in every row of every slot. */
    CacheBlocks cache(DType dtype, int slots, int numKvHeads, int headDim, int capacity, int window) {
        CacheBlocks cache = new CacheBlocks(this, dtype, slots, numKvHeads, headDim, capacity, window);
        caches.add(cache);
        return cache;
    }

    // Execution

    /** Runs ops as one step; a case may run several, refilling {@link #step()} in between. */
    void run(Consumer<Commands> ops) {
        while (uploaded < blocks.size()) {
            blocks.get(uploaded++).upload();
        }
        Commands commands = stream.begin(step);
        boolean encoded = false;
        try {
            ops.accept(commands);
            encoded = true;
        } finally {
            if (!encoded) {
                stream.abandon();
            }
        }
        stream.await(stream.submit());
    }

    /** All outputs in the order they were made, after a check that nothing else was written. */
    List<Result> results(String what) {
        for (Block block : blocks) {
            block.verifyUntouched(what);
        }
        List<Result> results = new ArrayList<>();
        for (Tensor output : outputs) {
            results.add(result(output));
        }
        for (CacheBlocks cache : caches) {
            results.addAll(cache.results());
        }
        return results;
    }

    private Result result(Tensor output) {
        Block block = Objects.requireNonNull(memory.get(output));
        Tolerance tolerance = compared.get(output);
        if (tolerance == null) {
            throw new AssertionError("the case does not compare its output '" + block.label() + "'");
        }
        MemorySegment content = block.download();
        double[] elements = new double[count(output.rows()) * output.cols()];
        for (int i = 0; i < elements.length; i++) {
            long offset = offset(output, i / output.cols()) + output.dtype().bytes(i % output.cols());
            elements[i] = output.dtype() == DType.I32
                    ? content.get(ValueLayout.JAVA_INT_UNALIGNED, offset)
                    : content.get(ValueLayout.JAVA_FLOAT_UNALIGNED, offset);
        }
        return new Result(block.label(), output.cols(), tolerance, elements);
    }

    @Override
    public void close() {
        blocks.forEach(Block::close);
        adopted.forEach(region -> region.buffer().close());
        arena.close();
    }
}
