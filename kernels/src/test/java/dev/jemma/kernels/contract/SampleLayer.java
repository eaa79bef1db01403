package dev.jemma.kernels.contract;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Device;
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
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * One layer of random weights between embeddings and logits, that uses every op which treats rows on their own: with a
 * sliding and a full cache, whose slots hold random keys and values up to their capacity.
 */
final class SampleLayer implements AutoCloseable {
    static final int WINDOW = 100;

    /** Positions of the full cache: enough for a decode's keys to be split. */
    static final int CONTEXT = 800;

    static final int VOCAB = 333;

    private static final int NUM_EXPERTS = 5;
    private static final int TOP_K = 2;
    private static final int EXPERT_COLS = 128;
    private static final int EXPERT_HIDDEN = 64;
    private static final int CANDIDATES = 4;

    private final Device device;
    private final LayerSizes sizes;
    private final StepLimits limits;
    private final WeightFormat format;
    private final SplittableRandom random;
    private final Arena arena = Arena.ofConfined();
    private final List<DeviceBuffer> buffers = new ArrayList<>();

    /** Activations in the order in which they are computed, by name. */
    private final Map<String, Tensor> activations = new LinkedHashMap<>();

    private final Map<DeviceBuffer, MemorySegment> cacheContents = new LinkedHashMap<>();
    private final Weight table;
    private final QkvWeight qkvWeight;
    private final Weight attentionOut;
    private final Weight gate;
    private final Weight up;
    private final Weight down;
    private final Weight router;
    private final ExpertWeight expertGate;
    private final ExpertWeight expertUp;
    private final ExpertWeight expertDown;
    private final Norm norm;
    private final Norm headNorm;
    private final Rope rope;
    private final VectorF32 expertScale;
    private final KvView ring;
    private final KvView full;

    SampleLayer(Device device, LayerSizes sizes, WeightFormat format, StepLimits limits, long seed) {
        this.device = device;
        this.sizes = sizes;
        this.limits = limits;
        this.format = format;
        random = new SplittableRandom(seed);
        int hidden = sizes.hiddenSize();
        table = weight(VOCAB, hidden);
        qkvWeight = new QkvWeight(
                weight(sizes.queryCols(), hidden), weight(sizes.keyCols(), hidden), weight(sizes.keyCols(), hidden));
        attentionOut = weight(hidden, sizes.queryCols());
        gate = weight(sizes.intermediateSize(), hidden);
        up = weight(sizes.intermediateSize(), hidden);
        down = weight(hidden, sizes.intermediateSize());
        router = weight(NUM_EXPERTS, EXPERT_COLS);
        Weight stack = weight(NUM_EXPERTS * 2 * EXPERT_HIDDEN, EXPERT_COLS);
        expertGate = new ExpertWeight(stack, NUM_EXPERTS, 2 * EXPERT_HIDDEN, 0, EXPERT_HIDDEN);
        expertUp = new ExpertWeight(stack, NUM_EXPERTS, 2 * EXPERT_HIDDEN, EXPERT_HIDDEN, EXPERT_HIDDEN);
        Weight downs = weight(NUM_EXPERTS * EXPERT_COLS, EXPERT_HIDDEN);
        expertDown = new ExpertWeight(downs, NUM_EXPERTS, EXPERT_COLS, 0, EXPERT_COLS);
        norm = new Norm(hidden, 1e-6f, vector(hidden));
        headNorm = new Norm(sizes.headDim(), 1e-6f, vector(sizes.headDim()));
        rope = new Rope(vector(sizes.headDim() / 2));
        expertScale = vector(NUM_EXPERTS);
        // An odd capacity, so that the ring ends within tiles of keys.
        ring = kv(WINDOW + limits.maxRows() + (limits.maxRows() + 1) % 2, WINDOW);
        full = kv(CONTEXT, 0);
    }

    private Region upload(MemorySegment content, String label) {
        DeviceBuffer buffer = device.allocate(content.byteSize(), label);
        buffers.add(buffer);
        buffer.write(0, content);
        return new Region(buffer, 0);
    }

    /** Numbers in [-1, 1) times {@code size}, with all bits of their type. */
    private MemorySegment numbers(DType dtype, long count, float size) {
        MemorySegment content = arena.allocate(dtype.bytes(count), 64);
        for (long i = 0; i < count; i++) {
            float number = (random.nextInt() >> 7) * 0x1p-24f * size;
            switch (dtype) {
                case F32 -> content.setAtIndex(ValueLayout.JAVA_FLOAT, i, number);
                case F16 -> content.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(number));
                case BF16 ->
                    content.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(number) >>> 16));
                case I32 -> throw new IllegalArgumentException("numbers are floating-point");
            }
        }
        return content;
    }

    private Region adopt(MemorySegment content, String label) {
        Region region = device.adopt(content, label);
        buffers.add(region.buffer());
        return region;
    }

    /** Outputs are about as large as inputs. */
    private Weight weight(int rows, int cols) {
        float size = (float) Math.sqrt(3.0 / cols);
        return switch (format) {
            case WeightFormat.Dense dense ->
                new DenseWeight(
                        adopt(numbers(dense.dtype(), (long) rows * cols, size), "weights"), dense.dtype(), rows, cols);
            case WeightFormat.Affine affine -> {
                MemorySegment codes = arena.allocate((long) rows * cols * affine.bits() / 8, 64);
                for (long i = 0; i < codes.byteSize() / 4; i++) {
                    codes.setAtIndex(ValueLayout.JAVA_INT, i, random.nextInt());
                }
                long groups = (long) rows * cols / affine.groupSize();
                DType type = affine.scaleType();
                yield new AffineWeight(
                        adopt(codes, "codes"),
                        adopt(numbers(type, groups, 2 * size / (1 << affine.bits())), "scales"),
                        adopt(numbers(type, groups, size), "biases"),
                        type,
                        affine.bits(),
                        affine.groupSize(),
                        rows,
                        cols);
            }
        };
    }

    private VectorF32 vector(int length) {
        return new VectorF32(upload(numbers(DType.F32, length, 1), "vector"), length);
    }

    private KvView kv(int capacity, int window) {
        long elements = (long) limits.maxSlots() * capacity * sizes.keyCols();
        return new KvView(
                cache(elements),
                cache(elements),
                DType.F16,
                limits.maxSlots(),
                sizes.numKvHeads(),
                sizes.headDim(),
                capacity,
                window);
    }

    private Region cache(long elements) {
        MemorySegment content = numbers(DType.F16, elements, 1.7f);
        Region region = upload(content, "cache");
        cacheContents.put(region.buffer(), content);
        return region;
    }

    /** Brings the caches back to what they held at first. */
    void reset() {
        cacheContents.forEach((buffer, content) -> buffer.write(0, content));
    }

    private Tensor tensor(String name, RowSet rows, int cols) {
        return activations.computeIfAbsent(name, label -> {
            DeviceBuffer buffer = device.allocate(DType.F32.bytes((long) limits.maxRows() * cols), label);
            buffers.add(buffer);
            return Tensor.f32(buffer, rows, cols);
        });
    }

    private Tensor ids(String name, RowSet rows, int cols) {
        return activations.computeIfAbsent(name, label -> {
            DeviceBuffer buffer = device.allocate(DType.I32.bytes((long) limits.maxRows() * cols), label);
            buffers.add(buffer);
            return Tensor.i32(buffer, rows, cols);
        });
    }

    private Tensor all(String name, int cols) {
        return tensor(name, RowSet.ALL, cols);
    }

    /** Every tensor keeps what one op has put there, so that a difference shows where it began. */
    void encode(Commands c) {
        int hidden = sizes.hiddenSize();
        Tensor ids = ids("ids", RowSet.ALL, 1);
        Tensor sampled = ids("sampled", RowSet.OUTPUT, 1);
        Tensor x = all("embeddings", hidden);
        Tensor rotations = all("rotations", sizes.headDim());
        Tensor normed = all("rmsNorm", hidden);
        c.tokens(ids, sampled);
        c.embed(x, ids, table, 2);
        c.rotations(rotations, rope);
        c.rmsNorm(normed, x, norm);
        Tensor attended = encodeAttention(c, normed, rotations);
        Tensor projected = all("matmul", hidden);
        Tensor residual = all("addNormNorm: residual", hidden);
        Tensor between = all("addNormNorm", hidden);
        c.matmul(projected, attended, attentionOut);
        c.copy(residual, x);
        c.addNormNorm(between, residual, projected, norm, 0.5f, norm);
        Tensor inner = all("gateUpGeglu", sizes.intermediateSize());
        c.gateUpGeglu(inner, between, gate, up, all("gateUpGeglu: scratch", sizes.intermediateSize()));
        Tensor out = all("matmul: down", hidden);
        c.matmul(out, inner, down);
        encodeExperts(c, out);
        encodeResults(c, out, sampled);
    }

    private Tensor encodeAttention(Commands c, Tensor normed, Tensor rotations) {
        Qkv qkv = new Qkv(
                all("projectQkv: q", sizes.queryCols()),
                all("projectQkv: k", sizes.keyCols()),
                all("projectQkv: v", sizes.keyCols()),
                false);
        c.projectQkv(qkv, normed, qkvWeight);
        c.headNormRopeStore(qkv, new HeadNorms(headNorm, headNorm, null), rotations, ring);
        c.storeKv(full, qkv.k(), qkv.v());
        Tensor sliding = all("attention: sliding", sizes.queryCols());
        Tensor attended = all("attention: full", sizes.queryCols());
        Tensor outputQueries = tensor("copy", RowSet.OUTPUT, sizes.queryCols());
        c.attention(sliding, qkv.q(), ring, 0.1f, 30);
        c.attention(attended, qkv.q(), full, 0.1f, 0);
        c.copy(outputQueries, qkv.q());
        c.attention(tensor("attention: outputs", RowSet.OUTPUT, sizes.queryCols()), outputQueries, full, 0.1f, 0);
        Tensor both = all("add", sizes.queryCols());
        c.add(both, sliding, attended, 0.7f);
        return both;
    }

    private void encodeExperts(Commands c, Tensor x) {
        Tensor narrow = x.columns(0, EXPERT_COLS);
        Tensor logits = all("matmul: router", NUM_EXPERTS);
        Routing routing = new Routing(ids("route: ids", RowSet.ALL, TOP_K), all("route: weights", TOP_K));
        Tensor inner = all("expertGeglu", TOP_K * EXPERT_HIDDEN);
        c.matmul(logits, narrow, router);
        c.route(routing, logits, expertScale);
        c.expertGeglu(inner, narrow, expertGate, expertUp, routing);
        c.expertDown(all("expertDown", EXPERT_COLS), inner, expertDown, routing);
    }

    private void encodeResults(Commands c, Tensor x, Tensor sampled) {
        Tensor last = tensor("copy: outputs", RowSet.OUTPUT, sizes.hiddenSize());
        Tensor logits = tensor("matmul: logits", RowSet.OUTPUT, VOCAB);
        c.copy(last, x);
        c.matmul(logits, last, table);
        c.softcap(logits, 30);
        c.argmax(sampled, logits);
        c.topK(ids("topK: ids", RowSet.OUTPUT, CANDIDATES), tensor("topK", RowSet.OUTPUT, CANDIDATES), logits);
    }

    /** What a step has left, in the order in which it was computed. Scratch memory may differ. */
    Map<String, Tensor> activations() {
        Map<String, Tensor> results = new LinkedHashMap<>(activations);
        results.remove("gateUpGeglu: scratch");
        return results;
    }

    @Override
    public void close() {
        buffers.forEach(DeviceBuffer::close);
        arena.close();
    }
}
