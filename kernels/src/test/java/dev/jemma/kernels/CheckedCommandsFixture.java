package dev.jemma.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.jemma.kernels.host.HostMemory;
import dev.jemma.kernels.plan.PlanRecorder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;

/** One valid call of every op, and what it takes. */
abstract class CheckedCommandsFixture {
    static final int HEAD_DIM = 4;

    final HostMemory memory = new HostMemory();
    final List<DeviceBuffer> buffers = new ArrayList<>();
    // Slot 1 brings positions 6 to 8, the last with logits; slot 0 position 3 with logits.
    final Step step = new Step(8, 4);
    final StepLimits limits = new StepLimits(8, 4, 2, 64, 4, 16, 48, 64);
    final CheckedCommands checked = new CheckedCommands(new OpCheck(limits, step));
    final PlanRecorder recorder = new PlanRecorder();

    final Tensor x = all(16);
    final Tensor y = all(16);
    final Tensor z = all(16);
    final Tensor wide = all(24);
    final Tensor scratch = all(24);
    final Tensor narrow = all(8);
    final Tensor ids = ids(RowSet.ALL, 1);
    final Tensor sampled = ids(RowSet.OUTPUT, 1);
    final Tensor logits = f32(RowSet.OUTPUT, 64);
    final Tensor rotations = all(HEAD_DIM);
    final Weight w = weight(24, 16);
    final Weight w16 = weight(16, 16);
    final Weight table = weight(64, 16);
    final Norm norm = norm(16);
    final Norm headNorm = norm(HEAD_DIM);
    final HeadNorms headNorms = new HeadNorms(headNorm, headNorm, headNorm);
    final KvView ring = kv(8, 6);
    final KvView full = kv(9, 0);
    final Qkv qkv = new Qkv(all(16), all(8), all(8), false);
    final QkvWeight qkvWeight = new QkvWeight(weight(16, 16), weight(8, 16), weight(8, 16));
    final VectorF32 expertScale = vector(3);
    final Tensor routerLogits = all(3);
    final Routing routing = new Routing(ids(RowSet.ALL, 2), all(2));
    // Experts of 6 gate and 6 up rows each.
    final Weight gateUpStack = weight(36, 16);
    final ExpertWeight gate = new ExpertWeight(gateUpStack, 3, 12, 0, 6);
    final ExpertWeight up = new ExpertWeight(gateUpStack, 3, 12, 6, 6);
    final ExpertWeight down = new ExpertWeight(weight(48, 6), 3, 16, 0, 16);
    final Tensor expertHidden = all(12);
    final Region suppressed = new Region(buffer(8), 0);

    CheckedCommandsFixture() {
        step.addSpan(1, 6, new int[] {5, 63, -1}, 0, 3, 1);
        step.addSpan(0, 3, new int[] {-4}, 0, 1, 1);
        checked.begin(recorder);
    }

    @AfterEach
    void releaseMemory() {
        buffers.forEach(DeviceBuffer::close);
        assertThat(memory.memory().allocatedBytes()).isZero();
    }

    DeviceBuffer buffer(long bytes) {
        DeviceBuffer buffer = memory.allocate(bytes, "buffer " + buffers.size());
        buffers.add(buffer);
        return buffer;
    }

    Tensor f32(RowSet rows, int cols) {
        return Tensor.f32(buffer(4L * cols * step.maxCount(rows)), rows, cols);
    }

    Tensor all(int cols) {
        return f32(RowSet.ALL, cols);
    }

    Tensor ids(RowSet rows, int cols) {
        return Tensor.i32(buffer(4L * cols * step.maxCount(rows)), rows, cols);
    }

    Weight weight(int rows, int cols) {
        return new DenseWeight(new Region(buffer(2L * rows * cols), 0), DType.BF16, rows, cols);
    }

    VectorF32 vector(int length) {
        return new VectorF32(new Region(buffer(4L * length), 0), length);
    }

    Norm norm(int size) {
        return new Norm(size, 1e-6f, vector(size));
    }

    KvView kv(int capacity, int window) {
        Region keys = new Region(buffer(2L * 2 * 2 * capacity * HEAD_DIM), 0);
        Region values = new Region(buffer(2L * 2 * 2 * capacity * HEAD_DIM), 0);
        return new KvView(keys, values, DType.F16, 2, 2, HEAD_DIM, capacity, window);
    }

    void encodeAll(Commands c) {
        c.tokens(ids, sampled);
        c.embed(x, ids, table, 2);
        c.rotations(rotations, new Rope(vector(HEAD_DIM / 2)));
        c.copy(f32(RowSet.OUTPUT, 16), x);
        encodeRowOps(c);
        encodeAttention(c);
        c.route(routing, routerLogits, expertScale);
        c.expertGeglu(expertHidden, x, gate, up, routing);
        c.expertDown(y, expertHidden, down, routing);
        c.suppress(logits, suppressed, 2);
        c.argmax(sampled, logits);
        c.topK(ids(RowSet.OUTPUT, 5), f32(RowSet.OUTPUT, 5), logits);
    }

    void encodeRowOps(Commands c) {
        c.add(x, x, y, 1);
        c.scale(x, 2);
        c.rmsNorm(y, x, norm);
        c.geglu(x, x, y);
        c.softcap(logits, 30);
        c.matmul(wide, x, w);
        c.gatedMatmul(wide, x, w, scratch);
        c.logits(wide, x, w, 30);
        c.gateUpGeglu(wide, x, w, w, scratch);
        c.addNorm(x, y, norm, 1);
        c.addNormNorm(z, x, y, norm, 1, norm);
    }

    void encodeAttention(Commands c) {
        c.rope(x, rotations);
        c.storeKv(ring, narrow, qkv.v());
        c.storeKv(full, narrow, qkv.v());
        c.projectQkv(qkv, x, qkvWeight);
        c.headNormRope(x, headNorms, rotations);
        c.headNormRopeStore(qkv, headNorms, rotations, ring);
        c.attention(y, x, ring, 1, 0);
        c.attention(y, x, full, 0.5f, 50);
        c.copySlot(full, 0, 1, 9);
    }
}
