package dev.jemma.kernels.cpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** Ops on single heads of queries, keys and values, and the cache they end in. */
final class HeadOps {
    /** Largest finite F16. */
    private static final float F16_MAX = 65504;

    private final Step step;
    private final RowPool pool;
    private final short[][] halves;
    private Tensor x;
    private Tensor rotations;
    private @Nullable Norm norm;
    private Qkv qkv;
    private HeadNorms norms;
    private KvView kv;
    private final RowTask ropeTask = this::ropeRows;
    private final RowTask storeTask = this::storeRows;
    private final RowTask fusedTask = this::fusedRows;

    /** @param maxCols columns of the widest keys */
    @SuppressWarnings("NullAway.Init")
    HeadOps(Step step, RowPool pool, int maxCols) {
        this.step = step;
        this.pool = pool;
        this.halves = new short[pool.threads()][maxCols];
    }

    /** {@code x = rope(norm(x))} per head, without the norm where it is null. */
    void normRope(Tensor x, @Nullable Norm norm, Tensor rotations) {
        this.x = x;
        this.norm = norm;
        this.rotations = rotations;
        pool.run(ropeTask, step.count(x.rows()), RowOps.grain(x.cols()));
    }

    private void ropeRows(int worker, int from, int to) {
        for (int r = from; r < to; r++) {
            normRope(Memory.address(x, r), x.cols(), norm, r);
        }
    }

    private void normRope(long at, int cols, @Nullable Norm norm, int row) {
        if (norm != null) {
            RowOps.normalise(at, at, cols, norm);
        }
        int headDim = rotations.cols();
        long rotation = Memory.address(rotations, row);
        for (int first = 0; first < cols; first += headDim) {
            RowKernels.rope(at + 4L * first, rotation, headDim / 2);
        }
    }

    /** Everything between the projections and the attention, row by row while it is in the nearest cache. */
    void normRopeStore(Qkv qkv, HeadNorms norms, Tensor rotations, KvView kv) {
        this.qkv = qkv;
        this.norms = norms;
        this.rotations = rotations;
        this.kv = kv;
        int cols = qkv.q().cols() + 2 * qkv.k().cols();
        pool.run(fusedTask, step.count(qkv.q().rows()), RowOps.grain(cols));
    }

    private void fusedRows(int worker, int from, int to) {
        int cols = qkv.k().cols();
        RowTable rows = step.rows(qkv.q().rows());
        for (int r = from; r < to; r++) {
            long k = Memory.address(qkv.k(), r);
            long v = Memory.address(qkv.v(), r);
            long rawValues = qkv.valuesFromKeys() ? k : v;
            if (norms.v() != null) {
                RowOps.normalise(v, rawValues, cols, norms.v());
            } else if (qkv.valuesFromKeys()) {
                Memory.copy(v, k, 4L * cols);
            }
            normRope(k, cols, norms.k(), r);
            normRope(Memory.address(qkv.q(), r), qkv.q().cols(), norms.q(), r);
            store(kv, kv.keys(), k, rows.slot(r), rows.position(r), worker);
            store(kv, kv.values(), v, rows.slot(r), rows.position(r), worker);
        }
    }

    void store(KvView kv, Tensor k, Tensor v) {
        this.kv = kv;
        this.x = k;
        this.rotations = v;
        pool.run(storeTask, step.count(k.rows()), RowOps.grain(2 * k.cols()));
    }

    private void storeRows(int worker, int from, int to) {
        RowTable rows = step.rows(x.rows());
        for (int r = from; r < to; r++) {
            store(kv, kv.keys(), Memory.address(x, r), rows.slot(r), rows.position(r), worker);
            store(kv, kv.values(), Memory.address(rotations, r), rows.slot(r), rows.position(r), worker);
        }
    }

    private void store(KvView kv, Region cache, long x, int slot, int position, int worker) {
        int headDim = kv.headDim();
        for (int head = 0; head < kv.numKvHeads(); head++) {
            long from = x + 4L * head * headDim;
            long to = Memory.address(cache) + kv.dtype().byteSize() * kv.element(slot, head, position);
            if (kv.dtype() == DType.F32) {
                Memory.copy(to, from, 4L * headDim);
            } else {
                storeHalves(to, from, headDim, halves[worker]);
            }
        }
    }

    /** Rounds to nearest even and saturates. By way of an array: see {@link Unpack#f16}. */
    private static void storeHalves(long to, long from, int count, short[] halves) {
        for (int i = 0; i < count; i++) {
            float saturated = Math.min(F16_MAX, Math.max(-F16_MAX, Memory.ALL.get(Memory.F32, from + 4L * i)));
            halves[i] = Float.floatToFloat16(saturated);
        }
        java.lang.foreign.MemorySegment.copy(halves, 0, Memory.ALL, Memory.I16, to, count);
    }

    void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {
        copySlot(kv, kv.keys(), fromSlot, toSlot, rows);
        copySlot(kv, kv.values(), fromSlot, toSlot, rows);
    }

    private static void copySlot(KvView kv, Region cache, int fromSlot, int toSlot, int rows) {
        int elementBytes = kv.dtype().byteSize();
        for (int head = 0; head < kv.numKvHeads(); head++) {
            long from = Memory.address(cache) + elementBytes * kv.element(fromSlot, head, 0);
            long to = Memory.address(cache) + elementBytes * kv.element(toSlot, head, 0);
            Memory.copy(to, from, (long) elementBytes * rows * kv.headDim());
        }
    }
}
