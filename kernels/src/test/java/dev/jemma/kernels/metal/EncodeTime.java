package dev.jemma.kernels.metal;

import dev.jemma.kernels.Backends;
import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceOptions;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Locale;

/**
 * What one decode step of Gemma 3 1B (26 layers) costs the host, on a Metal that does nothing:
 * {@code -Djemma.metal.library=libnullmetal.so}, built from {@code src/test/native/nullmetal}. Matrices have few rows,
 * which no encoding depends on. For {@code docs/SPEED.md}.
 */
final class EncodeTime {
    private static final int LAYERS = 26;
    private static final int HIDDEN = 1152;
    private static final int HEAD_DIM = 256;
    private static final int ROUNDS = 200;
    private static final int STEPS = 100;

    private final Device device;
    private final Tensor x;
    private final Tensor y;
    private final Tensor normed;
    private final Tensor wide;
    private final Tensor scratch;
    private final Qkv qkv;
    private final Tensor attended;
    private final Tensor rotations;
    private final Tensor ids;
    private final Tensor sampled;
    private final Tensor logits;
    private final Norm norm;
    private final HeadNorms headNorms;
    private final Rope rope;
    private final KvView kv;
    private final Weight toWide;
    private final Weight fromWide;
    private final QkvWeight projections;
    private final Weight attentionOut;
    private final Weight table;

    private EncodeTime(Device device) {
        this.device = device;
        x = tensor(RowSet.ALL, HIDDEN);
        y = tensor(RowSet.ALL, HIDDEN);
        normed = tensor(RowSet.ALL, HIDDEN);
        wide = tensor(RowSet.ALL, 6912);
        scratch = tensor(RowSet.ALL, 6912);
        qkv = new Qkv(tensor(RowSet.ALL, 1024), tensor(RowSet.ALL, 256), tensor(RowSet.ALL, 256), false);
        attended = tensor(RowSet.ALL, 1024);
        rotations = tensor(RowSet.ALL, HEAD_DIM);
        ids = Tensor.i32(device.allocate(64, "ids"), RowSet.ALL, 1);
        sampled = Tensor.i32(device.allocate(64, "sampled"), RowSet.OUTPUT, 1);
        logits = tensor(RowSet.OUTPUT, 4096);
        norm = new Norm(HIDDEN, 1e-6f, vector(HIDDEN));
        headNorms = new HeadNorms(
                new Norm(HEAD_DIM, 1e-6f, vector(HEAD_DIM)), new Norm(HEAD_DIM, 1e-6f, vector(HEAD_DIM)), null);
        rope = new Rope(vector(HEAD_DIM / 2));
        kv = new KvView(
                new Region(device.allocate(1 << 20, "keys"), 0),
                new Region(device.allocate(1 << 20, "values"), 0),
                DType.F16,
                1,
                1,
                HEAD_DIM,
                1024,
                512);
        toWide = weight(6912, HIDDEN);
        fromWide = weight(HIDDEN, 6912);
        projections = new QkvWeight(weight(1024, HIDDEN), weight(256, HIDDEN), weight(256, HIDDEN));
        attentionOut = weight(HIDDEN, 1024);
        table = weight(4096, HIDDEN);
    }

    private Tensor tensor(RowSet rows, int cols) {
        return Tensor.f32(device.allocate(4L * cols, "activation"), rows, cols);
    }

    private VectorF32 vector(int length) {
        return new VectorF32(new Region(device.allocate(4L * length, "vector"), 0), length);
    }

    private Weight weight(int rows, int cols) {
        DeviceBuffer buffer = device.allocate(2L * rows * cols, "weights");
        return new DenseWeight(new Region(buffer, 0), DType.BF16, rows, cols);
    }

    private void forward(Commands c) {
        c.tokens(ids, sampled);
        c.embed(x, ids, table, 34f);
        c.rotations(rotations, rope);
        c.rmsNorm(normed, x, norm);
        for (int layer = 0; layer < LAYERS; layer++) {
            c.projectQkv(qkv, normed, projections);
            c.headNormRopeStore(qkv, headNorms, rotations, kv);
            c.attention(attended, qkv.q(), kv, 0.0625f, 0f);
            c.matmul(y, attended, attentionOut);
            c.addNormNorm(normed, x, y, norm, 1f, norm);
            c.gateUpGeglu(wide, normed, toWide, toWide, scratch);
            c.matmul(y, wide, fromWide);
            c.addNormNorm(normed, x, y, norm, 1f, norm);
        }
        Tensor last = new Tensor(normed.at(), DType.F32, RowSet.OUTPUT, HIDDEN, HIDDEN);
        c.matmul(logits, last, table);
        c.argmax(sampled, logits);
    }

    public static void main(String[] arguments) {
        Device device = Backends.open("metal", DeviceOptions.DEFAULT).device();
        EncodeTime model = new EncodeTime(device);
        Step step = new Step(1, 1);
        step.addSpan(0, 600, new int[] {7}, 0, 1, 1);
        try (CommandStream stream = device.openStream(new StepLimits(1, 1, 1, 2048, 4, 1024, 6912, 4096))) {
            // Processor time of this thread, because machines that build are rarely idle.
            ThreadMXBean threads = ManagementFactory.getThreadMXBean();
            long record = Long.MAX_VALUE;
            long submit = Long.MAX_VALUE;
            for (int round = 0; round < ROUNDS; round++) {
                long recordTime = 0;
                long submitTime = 0;
                for (int i = 0; i < STEPS; i++) {
                    long start = threads.getCurrentThreadCpuTime();
                    model.forward(stream.begin(step));
                    long recorded = threads.getCurrentThreadCpuTime();
                    stream.await(stream.submit());
                    recordTime += recorded - start;
                    submitTime += threads.getCurrentThreadCpuTime() - recorded;
                }
                record = Math.min(record, recordTime / STEPS);
                submit = Math.min(submit, submitTime / STEPS);
            }
            System.out.printf(
                    Locale.ROOT,
                    "ops to dispatches %.1f us, dispatches to messages %.1f us%n",
                    record / 1e3,
                    submit / 1e3);
        }
    }
}
