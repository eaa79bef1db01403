package dev.jemma.kernels.metal;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.gpu.FunctionConstants;
import dev.jemma.kernels.gpu.GpuDevice;
import dev.jemma.kernels.gpu.GpuDriver;
import dev.jemma.kernels.gpu.GpuStream;
import dev.jemma.kernels.gpu.KvCopyKernels;
import dev.jemma.kernels.gpu.SdpaKernels;
import dev.jemma.kernels.gpu.SdpaOperands;
import dev.jemma.kernels.gpu.SdpaShape;
import dev.jemma.kernels.gpu.Shaders;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Runs every kernel at least once on as little memory as shows its edges: sizes are no multiples of tiles, buffers end
 * where the last element ends. Values are zeros; whoever runs it looks at how memory is used, not at results.
 */
final class KernelTour implements AutoCloseable {
    private static final StepLimits LIMITS = new StepLimits(19, 19, 1, 320, 4, 2048, 2048, 2100);
    private static final int[] HEAD_DIMS = {40, 64, 128, 256, 512};

    private final GpuDriver driver;
    private final GpuDevice device;
    private final CommandStream stream;
    private final List<DeviceBuffer> buffers = new ArrayList<>();
    private final Step step = new Step(LIMITS.maxRows(), LIMITS.maxOutputRows());

    KernelTour(GpuDriver driver) {
        this.driver = driver;
        device = new GpuDevice(driver);
        stream = device.openStream(LIMITS);
    }

    void run() {
        for (int rows : new int[] {1, 4, 8, 19}) {
            run(rows, 0, this::projections);
        }
        run(2, 0, this::rowOps);
        run(2, 0, this::results);
        run(2, 0, this::experts);
        run(19, 0, this::experts);
        for (DType cacheType : List.of(DType.F16, DType.F32)) {
            run(2, 0, c -> heads(c, cacheType));
            for (int headDim : HEAD_DIMS) {
                for (int numHeads : new int[] {1, 2, 4}) {
                    run(1, 300, c -> attention(c, cacheType, headDim, numHeads));
                }
                run(19, 0, c -> attention(c, cacheType, headDim, 2));
            }
        }
        bareMemory();
        matrixOperands();
    }

    /** Kernels that serve a vendor's matrix multiplication, which Metal does without. */
    private void matrixOperands() {
        for (int bits : new int[] {4, 8}) {
            dispatch(
                    "dequantize_affine" + bits,
                    new int[] {96, 1, 5, 1},
                    memory(2 * 96 * bits / 8),
                    memory(4 * 2 * 3),
                    memory(4 * 2 * 3),
                    memory(2 * 96));
        }
        dispatch("narrow_rows", new int[] {96, 100, 2, 1}, memory(4 * (100 + 96)), memory(2 * 2 * 2 * 96));
    }

    private void dispatch(String function, int[] fields, Region... buffers) {
        try (GpuStream bare = driver.openStream();
                Arena arena = Arena.ofConfined()) {
            bare.begin(MetalTest.INPUTS);
            FunctionConstants constants = FunctionConstants.NONE.with(0, 0);
            bare.pipeline(driver.pipeline(Shaders.library("narrow.metal"), function, constants));
            bare.bytes(0, arena.allocateFrom(ValueLayout.JAVA_INT, fields));
            for (int i = 0; i < buffers.length; i++) {
                bare.buffer(i + 1, buffers[i].buffer(), 0);
            }
            bare.dispatch(1, function.startsWith("narrow") ? 2 : 1, 1, 32, 1, 1);
            bare.await(bare.submit());
        }
    }

    private void run(int rows, int position, Consumer<Commands> ops) {
        step.clear();
        step.addSpan(0, position, new int[rows], 0, rows, rows);
        ops.accept(stream.begin(step));
        stream.await(stream.submit());
    }

    private Region memory(long bytes) {
        DeviceBuffer buffer = driver.allocate(bytes, "tour");
        buffers.add(buffer);
        return new Region(buffer, 0);
    }

    private Tensor tensor(int cols) {
        int rows = step.count(RowSet.ALL);
        return new Tensor(memory(DType.F32.bytes((long) rows * cols)), DType.F32, RowSet.ALL, cols, cols);
    }

    private Tensor ids(RowSet rows, int cols) {
        Region at = memory(DType.I32.bytes((long) LIMITS.maxOutputRows() * cols));
        return new Tensor(at, DType.I32, rows, cols, cols);
    }

    private VectorF32 vector(int length) {
        return new VectorF32(memory(DType.F32.bytes(length)), length);
    }

    private Norm norm(int size) {
        return new Norm(size, 1e-6f, vector(size));
    }

    // Weights of [rows, 96]: one of each format, at an address with or without alignment.

    private List<Weight> weights(int rows, int misalignment) {
        return List.of(
                dense(DType.F32, rows, misalignment),
                dense(DType.F16, rows, misalignment),
                dense(DType.BF16, rows, misalignment),
                affine(4, DType.BF16, rows, misalignment),
                affine(8, DType.F16, rows, misalignment));
    }

    private Weight dense(DType dtype, int rows, int misalignment) {
        Region at = memory(dtype.bytes(rows * 96L) + misalignment).plus(misalignment);
        return new DenseWeight(at, dtype, rows, 96);
    }

    private Weight affine(int bits, DType scaleType, int rows, int misalignment) {
        Region codes = memory(rows * 96L * bits / 8 + misalignment).plus(misalignment);
        Region scales = memory(scaleType.bytes(rows * 3L) + misalignment).plus(misalignment);
        Region biases = memory(scaleType.bytes(rows * 3L) + misalignment).plus(misalignment);
        return new AffineWeight(codes, scales, biases, scaleType, bits, 32, rows, 96);
    }

    private void projections(Commands c) {
        Tensor x = tensor(96);
        for (int misalignment = 0; misalignment < 2; misalignment++) {
            for (Weight w : weights(7, misalignment)) {
                c.matmul(tensor(7), x, w);
                c.gatedMatmul(tensor(7), x, w, tensor(7));
                c.gateUpGeglu(tensor(7), x, w, w, tensor(7));
            }
        }
        for (Weight w : weights(7, 0)) {
            c.projectQkv(new Qkv(tensor(7), tensor(7), tensor(7), false), x, new QkvWeight(w, w, w));
        }
    }

    private void rowOps(Commands c) {
        Tensor x = tensor(65);
        Tensor y = tensor(65);
        c.tokens(ids(RowSet.ALL, 1), ids(RowSet.OUTPUT, 1));
        for (Weight table : weights(3, 1)) {
            c.embed(tensor(96), ids(RowSet.ALL, 1), table, 2);
        }
        c.copy(y, x);
        c.add(y, x, y, 2);
        c.geglu(y, x, y);
        c.scale(y, 2);
        c.softcap(y, 30);
        c.rmsNorm(y, x, norm(65));
        c.addNormNorm(tensor(65), x, y, norm(65), 2, norm(65));
        Tensor table = tensor(40);
        c.rotations(table, new Rope(vector(20)));
        c.rope(tensor(80), table);
        c.headNormRope(tensor(80), new HeadNorms(norm(40), null, null), table);
    }

    private void results(Commands c) {
        Tensor logits = tensor(2100);
        c.suppress(logits, memory(4), 1);
        c.argmax(ids(RowSet.ALL, 1), logits);
        c.topK(ids(RowSet.ALL, 5), tensor(5), logits);
    }

    private void experts(Commands c) {
        Routing routing = new Routing(ids(RowSet.ALL, 2), tensor(2));
        c.route(routing, tensor(33), vector(33));
        Routing first = new Routing(ids(RowSet.ALL, 2), tensor(2));
        for (int misalignment = 0; misalignment < 2; misalignment++) {
            for (Weight stack : weights(3 * 5, misalignment)) {
                ExpertWeight w = new ExpertWeight(stack, 3, 5, 1, 4);
                c.expertGeglu(tensor(8), tensor(96), w, w, first);
                c.expertDown(tensor(4), tensor(2 * 96), w, first);
            }
        }
    }

    private KvView cache(DType dtype, int headDim) {
        long bytes = dtype.bytes(301L * headDim);
        return new KvView(memory(bytes), memory(bytes), dtype, 1, 1, headDim, 301, 0);
    }

    private void heads(Commands c, DType cacheType) {
        KvView kv = cache(cacheType, 40);
        c.storeKv(kv, tensor(40), tensor(40));
        Qkv qkv = new Qkv(tensor(80), tensor(40), tensor(40), false);
        c.headNormRopeStore(qkv, new HeadNorms(norm(40), norm(40), new Norm(40, 1e-6f, null)), tensor(40), kv);
        long bytes = cacheType.bytes(2 * 5 * 40L);
        KvView slots = new KvView(memory(bytes), memory(bytes), cacheType, 2, 1, 40, 5, 0);
        c.copySlot(slots, 0, 1, 3);
    }

    private void attention(Commands c, DType cacheType, int headDim, int numHeads) {
        Tensor q = tensor(numHeads * headDim);
        c.attention(tensor(numHeads * headDim), q, cache(cacheType, headDim), 1, 50);
    }

    private void bareMemory() {
        Region floats = memory(4 * 3 * 40);
        SdpaShape shape = new SdpaShape(1, 1, 1, 40, 3, 3, 3, 1);
        try (GpuStream bare = driver.openStream();
                SdpaKernels sdpa = new SdpaKernels(driver);
                KvCopyKernels copies = new KvCopyKernels(driver)) {
            bare.begin(MetalTest.INPUTS);
            for (DType dtype : List.of(DType.F32, DType.BF16)) {
                long bytes = dtype.bytes(3 * 40);
                sdpa.slidingSdpa(
                        bare,
                        shape,
                        2,
                        1,
                        new SdpaOperands(dtype, memory(bytes), memory(bytes), memory(bytes), memory(bytes)));
                var rows = new KvCopyKernels.TokenMajor(memory(bytes), dtype, 3, 40);
                copies.copyTokensToRing(bare, floats, 2, rows, 2);
            }
            for (DType dtype : List.of(DType.F32, DType.F16)) {
                var heads = new KvCopyKernels.HeadMajor(memory(dtype.bytes(3 * 40)), dtype, 2, 3, 20);
                copies.copySequence(bare, floats, 1, 2, heads, 2);
            }
            bare.await(bare.submit());
        }
    }

    @Override
    public void close() {
        stream.close();
        buffers.forEach(DeviceBuffer::close);
        device.close();
    }
}
