package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.RowSet.ALL;
import static dev.jemma.kernels.RowSet.OUTPUT;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
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
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Steps of all ops, checked as callers' are, allocate nothing once compiled, on any thread. Above all this finds vectors
 * that C2 boxes: a kernel that boxes allocates kilobytes a call. The same goes for kernels that are never compiled.
 */
class AllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static final int COLS = 256;
    private static final int HEAD_DIM = 64;
    private static final int VOCAB = 512;
    private static final int MAX_ROWS = 20;
    private static final int SLOTS = 2;

    /** Steps in a row that must allocate nothing. */
    private static final int QUIET_STEPS = 20;

    /** A kernel that runs once a step without a long loop is compiled by C2 after 5,200 calls; most by far sooner. */
    private static final int MAX_STEPS = 20_000;

    private final Device device = Backends.checked(new CpuDevice(2, OneDnnUse.AUTO, false));
    private final List<DeviceBuffer> buffers = new ArrayList<>();
    private final CommandStream stream =
            device.openStream(new StepLimits(MAX_ROWS, MAX_ROWS, SLOTS, 256, COLS / HEAD_DIM, COLS, 2 * COLS, VOCAB));
    private final Tensor ids = Tensor.i32(buffer(4 * MAX_ROWS), ALL, 1);
    private final Tensor sampled = Tensor.i32(buffer(4 * MAX_ROWS), OUTPUT, 1);
    private final Tensor x = f32(COLS);
    private final Tensor y = f32(COLS);
    private final Tensor wide = f32(2 * COLS);
    private final Tensor rotations = f32(HEAD_DIM);
    private final Tensor logits = f32(OUTPUT, VOCAB);
    private final Tensor best = Tensor.i32(buffer(16 * MAX_ROWS), OUTPUT, 4);
    private final Tensor bestValues = f32(OUTPUT, 4);
    private final Qkv qkv = new Qkv(f32(COLS), f32(HEAD_DIM), f32(HEAD_DIM), false);
    private final Qkv valuesFromKeys = new Qkv(qkv.q(), qkv.k(), f32(HEAD_DIM), true);
    private final Norm norm = new Norm(COLS, 1e-6f, vector(COLS));
    private final Norm headNorm = new Norm(HEAD_DIM, 1e-6f, vector(HEAD_DIM));
    private final HeadNorms headNorms = new HeadNorms(headNorm, headNorm, null);
    private final HeadNorms allHeadNorms = new HeadNorms(headNorm, headNorm, headNorm);
    private final Rope rope = new Rope(vector(HEAD_DIM / 2));
    private final KvView ring = kv(DType.F16, 40);
    private final KvView full = kv(DType.F32, 0);
    private final Routing routing = new Routing(Tensor.i32(buffer(8 * MAX_ROWS), ALL, 2), f32(2));
    private final Tensor expertLogits = f32(4);
    private final ExpertWeight experts = new ExpertWeight(dense(DType.BF16, 4 * COLS, COLS), 4, COLS, 0, COLS);
    private final List<Weight> weights = List.of(
            dense(DType.BF16, COLS, COLS),
            dense(DType.F16, COLS, COLS),
            dense(DType.F32, COLS, COLS),
            affine(4, 64, COLS, COLS),
            affine(8, 32, COLS, COLS));

    /** The same types as {@link #weights}. */
    private final List<Weight> heads = List.of(
            dense(DType.BF16, VOCAB, COLS),
            dense(DType.F16, VOCAB, COLS),
            dense(DType.F32, VOCAB, COLS),
            affine(4, 64, VOCAB, COLS),
            affine(8, 32, VOCAB, COLS));

    private final Tensor lastNorm = f32(OUTPUT, COLS);
    private final Tensor left = wide.columns(0, COLS);
    private final Tensor right = wide.columns(COLS, COLS);
    private final VectorF32 expertScale = vector(4);
    private final Weight key = dense(DType.BF16, HEAD_DIM, COLS);
    private final QkvWeight qkvWeight = new QkvWeight(weights.getFirst(), key, key);

    private DeviceBuffer buffer(long bytes) {
        DeviceBuffer buffer = device.allocate(bytes, "test");
        buffers.add(buffer);
        return buffer;
    }

    private Tensor f32(int cols) {
        return f32(ALL, cols);
    }

    private Tensor f32(RowSet rows, int cols) {
        return Tensor.f32(buffer(4L * MAX_ROWS * cols), rows, cols);
    }

    private VectorF32 vector(int length) {
        return new VectorF32(new Region(buffer(4L * length), 0), length);
    }

    private Weight dense(DType dtype, int rows, int cols) {
        return new DenseWeight(new Region(buffer(dtype.bytes((long) rows * cols)), 0), dtype, rows, cols);
    }

    private Weight affine(int bits, int groupSize, int rows, int cols) {
        Region codes = new Region(buffer((long) rows * cols * bits / 8), 0);
        Region scales = new Region(buffer(2L * rows * cols / groupSize), 0);
        return new AffineWeight(codes, scales, scales, DType.BF16, bits, groupSize, rows, cols);
    }

    private KvView kv(DType dtype, int window) {
        int capacity = window == 0 ? 256 : window + MAX_ROWS;
        Region keys = new Region(buffer(dtype.bytes((long) SLOTS * capacity * HEAD_DIM)), 0);
        Region values = new Region(buffer(dtype.bytes((long) SLOTS * capacity * HEAD_DIM)), 0);
        return new KvView(keys, values, dtype, SLOTS, 1, HEAD_DIM, capacity, window);
    }

    @AfterEach
    void close() {
        stream.close();
        buffers.forEach(DeviceBuffer::close);
        device.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, MAX_ROWS})
    void compiledStepsAllocateNothing(int rows) {
        Step step = new Step(MAX_ROWS, MAX_ROWS);
        int[] tokens = new int[rows];
        step.addSpan(0, 100, tokens, 0, rows, rows);
        long[] threads = threadIds();
        long[] before = new long[threads.length];
        int quiet = 0;
        long last = 0;
        for (int i = 0; i < MAX_STEPS && quiet < QUIET_STEPS; i++) {
            allocated(threads, before);
            encode(stream.begin(step));
            stream.submit();
            last = allocatedSince(threads, before);
            quiet = last == 0 ? quiet + 1 : 0;
        }
        assertThat(quiet)
                .as("quiet steps in a row; the last allocated %s bytes", last)
                .isEqualTo(QUIET_STEPS);
    }

    private static long[] threadIds() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.equals(Thread.currentThread())
                        || thread.getName().startsWith("jemma-cpu-"))
                .mapToLong(Thread::threadId)
                .toArray();
    }

    private static void allocated(long[] threads, long[] bytes) {
        for (int i = 0; i < threads.length; i++) {
            bytes[i] = THREADS.getThreadAllocatedBytes(threads[i]);
        }
    }

    private static long allocatedSince(long[] threads, long[] before) {
        long sum = 0;
        for (int i = 0; i < threads.length; i++) {
            sum += THREADS.getThreadAllocatedBytes(threads[i]) - before[i];
        }
        return sum;
    }

    @Test
    void everyOpIsAmongThem() {
        Set<String> encoded = new HashSet<>();
        encode((Commands) Proxy.newProxyInstance(
                Commands.class.getClassLoader(), new Class<?>[] {Commands.class}, (proxy, op, arguments) -> {
                    encoded.add(op.getName());
                    return null;
                }));
        assertThat(encoded)
                .containsAll(Arrays.stream(Commands.class.getMethods())
                        .map(Method::getName)
                        .toList());
    }

    private void encode(Commands c) {
        c.tokens(ids, sampled);
        c.embed(x, ids, weights.getFirst(), 2);
        c.rotations(rotations, rope);
        c.rmsNorm(y, x, norm);
        c.projectQkv(qkv, y, qkvWeight);
        c.headNormRopeStore(qkv, headNorms, rotations, ring);
        c.attention(x, qkv.q(), ring, 0.1f, 0);
        c.copySlot(full, 0, 1, 50);
        c.headNormRope(qkv.q(), headNorms, rotations);
        c.rope(qkv.q(), rotations);
        c.headNormRopeStore(valuesFromKeys, allHeadNorms, rotations, full);
        c.storeKv(full, qkv.k(), qkv.v());
        c.attention(y, qkv.q(), full, 0.1f, 50);
        c.addNormNorm(y, x, qkv.q(), norm, 1, norm);
        for (int i = 0; i < weights.size(); i++) {
            c.matmul(y, x, weights.get(i));
            c.gateUpGeglu(left, x, weights.get(i), weights.get(i), right);
        }
        for (int i = 0; i < weights.size(); i++) {
            c.gatedMatmul(left, x, weights.get(i), right);
        }
        c.addNorm(x, y, norm, 1);
        c.copy(y, x);
        c.add(x, x, y, 0.5f);
        c.scale(x, 2);
        c.geglu(x, x, y);
        c.route(routing, expertLogits, expertScale);
        c.expertGeglu(wide, x, experts, experts, routing);
        c.expertDown(x, wide, experts, routing);
        c.softcap(logits, 30);
        for (int i = 0; i < weights.size(); i++) {
            c.logits(logits, lastNorm, heads.get(i), 30);
            c.argmax(sampled, logits);
        }
        c.suppress(logits, ids.at(), 1);
        c.argmax(sampled, logits);
        c.topK(best, bestValues, logits);
    }
}
