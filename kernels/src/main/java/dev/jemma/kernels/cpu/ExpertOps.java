package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.address;

import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import org.jspecify.annotations.Nullable;

/** Routing to experts and their projections; only the experts that are chosen are read. */
final class ExpertOps {
    /** Rows of an expert that a thread takes at a time. */
    private static final int CHUNK_ROWS = 64;

    private final KernelChoice choice;
    private final @Nullable IntegerDots integers;
    private final RowPool pool;
    private final Scratch scratch;
    private Tensor out;
    private ExpertWeight gate;
    private ExpertWeight up;
    private Routing routing;
    private int firstRow;
    private final RowTask gegluTask = this::gegluChunks;
    private final RowTask downTask = this::downChunks;

    /** @param integers for experts that these take; null for none */
    @SuppressWarnings("NullAway.Init")
    ExpertOps(KernelChoice choice, @Nullable IntegerDots integers, RowPool pool, Scratch scratch) {
        this.choice = choice;
        this.integers = integers;
        this.pool = pool;
        this.scratch = scratch;
    }

    /** Router logits are a few dozen numbers, so this stays scalar, on the caller, in double. */
    void route(int rows, Routing routing, Tensor logits, VectorF32 expertScale) {
        long scales = address(expertScale.at());
        int topK = routing.topK();
        for (int r = 0; r < rows; r++) {
            long ids = address(routing.ids(), r);
            long weights = address(routing.weights(), r);
            long x = address(logits, r);
            ResultOps.largest(ids, 0, x, logits.cols(), topK);
            float max = Memory.f32(x + 4L * Memory.i32(ids));
            double sum = 0;
            for (int k = 0; k < topK; k++) {
                sum += Math.exp((double) Memory.f32(x + 4L * Memory.i32(ids + 4L * k)) - max);
            }
            for (int k = 0; k < topK; k++) {
                int expert = Memory.i32(ids + 4L * k);
                double weight = Math.exp((double) Memory.f32(x + 4L * expert) - max) / sum;
                Memory.putF32(weights + 4L * k, (float) (weight * Memory.f32(scales + 4L * expert)));
            }
        }
    }

    void geglu(int rows, Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        this.out = out;
        this.gate = gate;
        this.up = up;
        this.routing = routing;
        for (firstRow = 0; firstRow < rows; firstRow += Projection.FEW) {
            int count = Math.min(Projection.FEW, rows - firstRow);
            for (int r = 0; r < count; r++) {
                arrange(r, address(x, firstRow + r), gate);
            }
            pool.run(gegluTask, count * routing.topK() * chunks(gate), 1);
        }
    }

    private static int chunks(ExpertWeight w) {
        return Math.ceilDiv(w.rows(), CHUNK_ROWS);
    }

    private void gegluChunks(int worker, int from, int to) {
        Scratch.Worker own = scratch.worker(worker);
        int chunks = chunks(gate);
        for (int i = from; i < to; i++) {
            int choice = i / chunks;
            int r = choice / routing.topK();
            int k = choice % routing.topK();
            int begin = i % chunks * CHUNK_ROWS;
            int count = Math.min(CHUNK_ROWS, gate.rows() - begin);
            int expert = Memory.i32(address(routing.ids(), firstRow + r) + 4L * k);
            long target = address(out, firstRow + r) + 4L * (k * gate.rows() + begin);
            int gateRow = expert * gate.rowStride() + gate.firstRow() + begin;
            int upRow = expert * up.rowStride() + up.firstRow() + begin;
            dots(target, r, gate, gateRow, count, own);
            dots(own.row, r, up, upRow, count, own);
            RowKernels.geglu(target, target, own.row, count, own.run);
        }
    }

    /** Brings a row of activations into the order and form that {@link #dots} wants. */
    private void arrange(int input, long x, ExpertWeight w) {
        Dots.Inputs to = scratch.inputs(input);
        if (integers != null && integers.takes(w.stack())) {
            integers.arrange(scratch.groups(input), 0, 1, x, w.stack(), scratch.worker(0));
        } else if (choice == KernelChoice.BATCH_INVARIANT) {
            WordOrder.arrange(to.x(), x, w.cols(), Dots.perWord(w.stack()));
        } else {
            Dots.arrange(to, x, w.stack(), 1);
        }
    }

    private void dots(long out, int input, ExpertWeight w, int firstRow, int count, Scratch.Worker own) {
        Dots.Inputs in = scratch.inputs(input);
        if (integers != null && integers.takes(w.stack())) {
            integers.rows(out, 0, scratch.groups(input), 1, w.stack(), firstRow, count, own);
        } else if (choice == KernelChoice.BATCH_INVARIANT) {
            Dots.orderedRows(out, in, w.stack(), firstRow, count, own);
        } else {
            Dots.rows(out, 0, in, 1, w.stack(), firstRow, count, own);
        }
    }

    /** A row's experts are arranged one behind the other and its products summed by the thread that has the chunk. */
    void down(int rows, Tensor out, Tensor h, ExpertWeight down, Routing routing) {
        this.out = out;
        this.gate = down;
        this.routing = routing;
        int topK = routing.topK();
        int atOnce = Math.max(1, Projection.FEW / topK);
        if (topK > Projection.FEW) {
            throw new IllegalArgumentException("experts: expected at most " + Projection.FEW + " a row, got " + topK);
        }
        for (firstRow = 0; firstRow < rows; firstRow += atOnce) {
            int count = Math.min(atOnce, rows - firstRow);
            for (int i = 0; i < count * topK; i++) {
                long x = address(h, firstRow + i / topK) + 4L * (i % topK) * down.cols();
                arrange(i, x, down);
            }
            pool.run(downTask, count * chunks(down), 1);
        }
    }

    private void downChunks(int worker, int from, int to) {
        Scratch.Worker own = scratch.worker(worker);
        int chunks = chunks(gate);
        int topK = routing.topK();
        for (int i = from; i < to; i++) {
            int r = i / chunks;
            int begin = i % chunks * CHUNK_ROWS;
            int count = Math.min(CHUNK_ROWS, gate.rows() - begin);
            long target = address(out, firstRow + r) + 4L * begin;
            for (int k = 0; k < topK; k++) {
                int expert = Memory.i32(address(routing.ids(), firstRow + r) + 4L * k);
                float weight = Memory.f32(address(routing.weights(), firstRow + r) + 4L * k);
                int row = expert * gate.rowStride() + gate.firstRow() + begin;
                dots(own.row, r * topK + k, gate, row, count, own);
                if (k == 0) {
                    RowKernels.scale(target, own.row, count, weight);
                } else {
                    RowKernels.scale(own.row, own.row, count, weight);
                    RowKernels.add(target, target, own.row, count, 1);
                }
            }
        }
    }
}
