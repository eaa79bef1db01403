package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import dev.jemma.kernels.Region;
import dev.jemma.kernels.Tensor;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Choice of tokens from logits. */
final class ResultOps {
    /** Columns whose largest value is found at a time before anyone looks at single ones. */
    private static final int STRIP = 512;

    private final RowPool pool;
    private final Logits noted;
    private Tensor ids;
    private Tensor values;
    private Tensor logits;
    private final RowTask argmaxTask = this::argmaxRows;
    private final RowTask topKTask = this::topKRows;

    @SuppressWarnings("NullAway.Init")
    ResultOps(RowPool pool, Logits noted) {
        this.pool = pool;
        this.noted = noted;
    }

    static void suppress(int rows, Tensor logits, Region ids, int count) {
        long suppressed = Memory.address(ids);
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < count; i++) {
                int id = Memory.i32(suppressed + 4L * i);
                Memory.putF32(Memory.address(logits, r) + 4L * id, -Float.MAX_VALUE);
            }
        }
    }

    void argmax(int rows, Tensor ids, Tensor logits) {
        this.ids = ids;
        this.logits = logits;
        pool.run(argmaxTask, rows, 1);
    }

    private void argmaxRows(int worker, int from, int to) {
        for (int r = from; r < to; r++) {
            choose(Memory.address(ids, r), 0, r, 1);
        }
    }

    void topK(int rows, Tensor ids, Tensor values, Tensor logits) {
        this.ids = ids;
        this.values = values;
        this.logits = logits;
        pool.run(topKTask, rows, 1);
    }

    private void topKRows(int worker, int from, int to) {
        for (int r = from; r < to; r++) {
            choose(Memory.address(ids, r), Memory.address(values, r), r, values.cols());
        }
    }

    private void choose(long ids, long values, int row, int k) {
        long bounds = noted.maxima(logits, row);
        int strip = bounds == 0 ? STRIP : noted.chunk();
        largest(ids, values, Memory.address(logits, row), logits.cols(), k, strip, bounds);
    }

    /**
     * Indices of the {@code k} largest of {@code count} floats, largest first, ties to the lower index first, and if
     * {@code values} is not 0 the floats too. Strips whose largest does not beat the k-th best so far are passed over.
     */
    static void largest(long ids, long values, long x, int count, int k) {
        largest(ids, values, x, count, k, STRIP, 0);
    }

    /** @param bounds of strips, none of whose floats is larger; 0 where they must be found */
    private static void largest(long ids, long values, long x, int count, int k, int strip, long bounds) {
        int found = 0;
        float worst = Float.NEGATIVE_INFINITY;
        for (int first = 0; first < count; first += strip) {
            int end = Math.min(count, first + strip);
            if (found == k) {
                float bound =
                        bounds == 0 ? max(x + 4L * first, end - first) : Memory.f32(bounds + 4L * (first / strip));
                if (!(bound > worst)) {
                    continue;
                }
            }
            for (int i = first; i < end; i++) {
                float value = Memory.f32(x + 4L * i);
                if (found < k || value > worst) {
                    found = Math.min(k, found + 1);
                    insert(ids, x, found, i, value);
                    worst = Memory.f32(x + 4L * Memory.i32(ids + 4L * (found - 1)));
                }
            }
        }
        for (int i = 0; values != 0 && i < k; i++) {
            Memory.putF32(values + 4L * i, Memory.f32(x + 4L * Memory.i32(ids + 4L * i)));
        }
    }

    /** Puts {@code id} into the sorted list of {@code found} ids, whose last is dropped. */
    private static void insert(long ids, long x, int found, int id, float value) {
        int place = found - 1;
        while (place > 0) {
            int before = Memory.i32(ids + 4L * (place - 1));
            if (!(value > Memory.f32(x + 4L * before))) {
                break;
            }
            Memory.putI32(ids + 4L * place, before);
            place--;
        }
        Memory.putI32(ids + 4L * place, id);
    }

    static float max(long x, int count) {
        int whole = count - count % Lanes.COUNT;
        FloatVector max = FloatVector.broadcast(Lanes.F, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < whole; i += Lanes.COUNT) {
            max = max.max(FloatVector.fromMemorySegment(Lanes.F, ALL, x + 4L * i, LE));
        }
        float result = max.reduceLanes(VectorOperators.MAX);
        for (int i = whole; i < count; i++) {
            result = Math.max(result, Memory.f32(x + 4L * i));
        }
        return result;
    }
}
