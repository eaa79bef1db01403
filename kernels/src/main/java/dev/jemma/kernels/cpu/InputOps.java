package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;

/** What a step starts with: ids, embeddings, rotations; and the selection of output rows. */
final class InputOps {
    private final Step step;
    private final RowPool pool;
    private final Scratch scratch;
    private Tensor out;
    private Tensor ids;
    private Weight table;
    private float scale;
    private Rope rope;
    private final RowTask embedTask = this::embedRows;
    private final RowTask rotationsTask = this::rotationRows;

    @SuppressWarnings("NullAway.Init")
    InputOps(Step step, RowPool pool, Scratch scratch) {
        this.step = step;
        this.pool = pool;
        this.scratch = scratch;
    }

    void tokens(Tensor ids, Tensor sampled) {
        for (int r = 0; r < step.count(ids.rows()); r++) {
            int token = step.token(r);
            Memory.putI32(Memory.address(ids, r), token >= 0 ? token : Memory.i32(Memory.address(sampled, -1 - token)));
        }
    }

    void embed(Tensor out, Tensor ids, Weight table, float scale) {
        this.out = out;
        this.ids = ids;
        this.table = table;
        this.scale = scale;
        pool.run(embedTask, step.count(out.rows()), RowOps.grain(out.cols()));
    }

    private void embedRows(int worker, int from, int to) {
        Scratch.Worker own = scratch.worker(worker);
        for (int r = from; r < to; r++) {
            long target = Memory.address(out, r);
            unpackRow(target, table, Memory.i32(Memory.address(ids, r)), own);
            RowKernels.scale(target, target, out.cols(), scale);
        }
    }

    private static void unpackRow(long out, Weight w, int row, Scratch.Worker own) {
        switch (w) {
            case DenseWeight dense -> {
                long from = Memory.address(dense.at()) + dense.dtype().byteSize() * (long) row * w.cols();
                switch (dense.dtype()) {
                    case F32 -> Memory.copy(out, from, 4L * w.cols());
                    case F16 -> Unpack.f16ToMemory(out, from, w.cols(), own.halves);
                    case BF16 -> Unpack.bf16ToMemory(out, from, w.cols());
                    case I32 -> throw new AssertionError("weights are floating-point");
                }
            }
            case AffineWeight affine -> {
                Dots.unpackScales(affine, row, 1, 0, affine.groupsPerRow(), own);
                long codes = Memory.address(affine.codes()) + row * affine.codeRowBytes();
                AffineShape shape = AffineShape.of(affine.bits(), affine.groupSize());
                Unpack.affineToMemory(out, codes, w.cols(), shape, own.scales, own.biases);
            }
        }
    }

    /** Sine and cosine in double: the angles of late positions are far outside of one turn. */
    void rotations(Tensor out, Rope rope) {
        this.out = out;
        this.rope = rope;
        pool.run(rotationsTask, step.count(out.rows()), 4);
    }

    private void rotationRows(int worker, int from, int to) {
        int half = rope.inverseFrequencies().length();
        long frequencies = Memory.address(rope.inverseFrequencies().at());
        for (int r = from; r < to; r++) {
            long target = Memory.address(out, r);
            float position = step.rows(out.rows()).position(r);
            for (int i = 0; i < half; i++) {
                double angle = position * Memory.f32(frequencies + 4L * i);
                Memory.putF32(target + 4L * i, (float) Math.cos(angle));
                Memory.putF32(target + 4L * (half + i), (float) Math.sin(angle));
            }
        }
    }

    void copy(Tensor out, Tensor x) {
        boolean same = out.rows() == x.rows();
        for (int r = 0; r < step.count(out.rows()); r++) {
            int from = same ? r : step.outputRow(r);
            Memory.copy(
                    Memory.address(out, r), Memory.address(x, from), out.dtype().bytes(out.cols()));
        }
    }
}
