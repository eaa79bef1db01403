package dev.jemma.kernels.cpu;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.host.HostBuffer;
import dev.jemma.kernels.host.HostMemory;
import dev.jemma.kernels.onednn.OneDnn;
import dev.jemma.kernels.onednn.OneDnnPrimitives;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Memory of a stream that lives from op to op, not longer: arranged activations that all threads read, and each
 * thread's own. Sized once by the limits. Pages that no op touches take no real memory.
 */
final class Scratch implements AutoCloseable {
    /** Floats that a kernel with an intermediate result works on at a time: 4 KiB, a twelfth of an L1 cache. */
    static final int RUN = 1024;

    /** Scales that are unpacked at a time. */
    static final int SCALES = 16384;

    private final HostMemory memory;
    private final @Nullable OneDnn dnn;
    private final List<DeviceBuffer> buffers = new ArrayList<>();
    private final Worker[] workers;

    /** Activations packed for {@link Tiles}: {@code [maxCols, rows]} in whole tiles. */
    final long packed;

    /** Activations as {@link OneDnnProducts} wants them; no memory where there is no oneDNN. */
    final long split;

    /** Factors of those that are digits: see {@link OneDnnDigits}. */
    final long factors;

    /** Partial results of an attention whose keys are split: see {@code Attention}. */
    final long partials;

    private long productNumber;
    private final Dots.Inputs[] inputs = new Dots.Inputs[Projection.FEW];
    private final TokenGroups[] groups = new TokenGroups[TokenGroups.MAX];

    /** @param dnn null where there is none */
    Scratch(StepLimits limits, HostMemory memory, int threads, @Nullable OneDnn dnn) {
        this.memory = memory;
        this.dnn = dnn;
        int rows = wholeTileColumns(limits.maxRows());
        int cols = wholeVectors(limits.maxCols());
        long arrangedStride = 4L * (cols + Lanes.COUNT);
        long sumsStride = AffineDots.sumsBytes(cols);
        workers = new Worker[threads];
        try {
            long arranged = take("arranged activations", Projection.FEW * arrangedStride);
            long sums = take("group sums", Projection.FEW * sumsStride);
            for (int i = 0; i < inputs.length; i++) {
                inputs[i] = new Dots.Inputs(
                        arranged + i * arrangedStride, arrangedStride, sums + i * sumsStride, sumsStride);
            }
            long tokenBytes = IntegerActivations.bytes(cols);
            long tokenSums = IntegerActivations.sumsBytes(cols / 32);
            long rounded = take("rounded activations", TokenGroups.MAX * tokenBytes);
            long roundedSums = take("sums of rounded activations", TokenGroups.MAX * tokenSums);
            for (int i = 0; i < groups.length; i++) {
                groups[i] = new TokenGroups(rounded + i * tokenBytes, roundedSums + i * tokenSums);
            }
            packed = take("packed activations", 4L * cols * rows);
            factors = dnn == null ? 0 : take("factors of digits", OneDnnDigits.factorBytes(rows, cols));
            split = dnn == null ? 0 : take("split activations", OneDnnProducts.splitBytes(rows, cols));
            partials = take("partial attention", AttentionPlan.partialBytes(limits, threads));
            for (int i = 0; i < threads; i++) {
                workers[i] = new Worker(limits, rows, cols);
            }
        } catch (DeviceException failure) {
            close();
            throw failure;
        }
    }

    /** Rows of one thread's own scratch. */
    final class Worker {
        /** {@link #RUN} floats and a vector. */
        final long run;

        /** One row of the widest activation. */
        final long row;

        /** One row of weights as floats. */
        final long weights;

        /** Unpacked weights: {@link PanelProducts#PANEL_ROWS} rows of {@link PanelProducts#PANEL_COLS}. */
        final long panel;

        /** Products of a panel: its rows, {@link PanelProducts#productStride} bytes apart. */
        final long product;

        /** What one stretch of columns adds to the products of a panel with one tile's activations. */
        final long part;

        /** Rearrangement of activations: see {@link TokenPacking}. */
        final long block;

        /** Products of {@link OneDnnProducts}; no memory where there is no oneDNN. */
        final long nativeProduct;

        /** A chunk of BF16 weights at a cache line. */
        final long denseWeights;

        /** Codes as digits, for {@link OneDnnDigits}. */
        final long codes;

        /** Tables of the digits of 4-bit weights. */
        final long tables;

        /** Activations as digits, before they are packed. */
        final long digits;

        /** Products of digits, and what they come to. */
        final long digitProducts;

        final long sums;

        /** Factors of weights that are digits. */
        final float[] factors = new float[OneDnnDigits.PANEL];

        /** Of a call to machine code: {@link CodeArgument}s. */
        final long arguments;

        /** Of a block of {@link IntegerActivations} on its way. */
        final long numbers;

        /** What {@link OneDnnPrimitives#split} needs. */
        final long rests;

        /** Room for one row of activations that the thread arranges for itself, in one of two ways. */
        final Dots.Inputs input;

        final TokenGroups group;

        /** The {@link #productNumber} that one of those is for. */
        long arrangedFor;

        private final @Nullable OneDnnPrimitives primitives;
        final AttentionScratch attention;
        final float[] halves;
        final float[] scales = new float[SCALES + Lanes.COUNT];
        final float[] biases = new float[SCALES + Lanes.COUNT];

        Worker(StepLimits limits, int rows, int cols) {
            run = take("run", 4L * (RUN + Lanes.COUNT));
            row = take("row", 4L * (cols + Lanes.COUNT));
            weights = take("weight row", 4L * (cols + Lanes.COUNT));
            panel = take("weight panel", 4L * PanelProducts.PANEL_ROWS * PanelProducts.PANEL_COLS);
            part = take("partial products", 4L * PanelProducts.PANEL_ROWS * wholeTileColumns(1));
            product = take("products", PanelProducts.PANEL_ROWS * PanelProducts.productStride(rows));
            block = take("activation block", TokenPacking.BLOCK_BYTES);
            arguments = take(
                    "arguments of machine code", Math.max(FourRowsCode.Argument.BYTES, WeightedSumCode.Argument.BYTES));
            numbers = take("whole numbers", IntegerActivations.NUMBERS);
            input = new Dots.Inputs(
                    take("own arranged activations", 4L * (cols + Lanes.COUNT)),
                    0,
                    take("own group sums", AffineDots.sumsBytes(cols)),
                    0);
            group = new TokenGroups(
                    take("own rounded activations", IntegerActivations.bytes(cols)),
                    take("own sums of rounded activations", IntegerActivations.sumsBytes(cols / 32)));
            nativeProduct = dnn == null ? 0 : take("products of matrix units", OneDnnProducts.productBytes());
            denseWeights = dnn == null ? 0 : take("weights at cache lines", OneDnnProducts.weightBytes(cols));
            codes = dnn == null ? 0 : take("codes as digits", OneDnnDigits.panelBytes());
            tables = dnn == null ? 0 : take("tables of digits", DigitKernels.DIGITS * DigitKernels.TABLE);
            digits = dnn == null ? 0 : take("activations as digits", OneDnnDigits.digitBytes());
            digitProducts = dnn == null ? 0 : take("products of digits", OneDnnDigits.productBytes());
            sums = dnn == null ? 0 : take("sums of digits", OneDnnDigits.floatBytes());
            rests = dnn == null ? 0 : take("rests of activations", OneDnnProducts.restBytes(cols));
            primitives = dnn == null ? null : new OneDnnPrimitives(dnn, memory);
            halves = new float[Math.max(cols, DenseDots.F16_ROOM)];
            attention = new AttentionScratch(Scratch.this, limits);
        }

        OneDnnPrimitives primitives() {
            if (primitives == null) {
                throw new IllegalStateException("this stream has no oneDNN");
            }
            return primitives;
        }
    }

    long take(String label, long bytes) {
        DeviceBuffer buffer = memory.allocate(bytes, "cpu scratch: " + label);
        buffers.add(buffer);
        return HostBuffer.address(new Region(buffer, 0));
    }

    Worker worker(int index) {
        return workers[index];
    }

    /** Room for {@link Projection#FEW} arranged rows, from the {@code row}-th on. */
    Dots.Inputs inputs(int row) {
        return inputs[row];
    }

    /** For functions of {@link FourRowsCode}: room for {@link TokenGroups#MAX} tokens, less by {@code first}. */
    TokenGroups groups(int first) {
        return groups[first];
    }

    /** Counts products of rows whose activations are arranged. */
    void beginProduct() {
        productNumber++;
    }

    /** The number of the last one begun. */
    long productNumber() {
        return productNumber;
    }

    /** Whether oneDNN multiplies in AMX tiles. */
    boolean hasTiles() {
        return dnn != null && dnn.hasTiles();
    }

    /** {@code count} rounded up to whole tiles of columns. */
    static int wholeTileColumns(int count) {
        int tile = Tiles.MAX_VECTORS * Lanes.COUNT;
        return Math.ceilDiv(count, tile) * tile;
    }

    private static int wholeVectors(int count) {
        return Math.ceilDiv(count, Lanes.COUNT) * Lanes.COUNT;
    }

    @Override
    public void close() {
        for (Worker worker : workers) {
            if (worker != null && worker.primitives != null) {
                worker.primitives.close();
            }
        }
        buffers.reversed().forEach(DeviceBuffer::close);
        buffers.clear();
    }
}
