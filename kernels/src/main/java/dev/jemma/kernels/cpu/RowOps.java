package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** Ops on single rows: norms, sums, gates. One row or little work stays on the caller. */
final class RowOps {
    /** Floats below which handing work to another thread takes longer than doing it: about 2 us. */
    private static final int MIN_FLOATS = 16384;

    private final RowPool pool;
    private final Scratch scratch;
    private Tensor out;
    private Tensor a;
    private Tensor b;
    private Norm norm;
    private @Nullable Norm nextNorm;
    private float factor;
    private final RowTask addTask = this::addRows;
    private final RowTask scaleTask = this::scaleRows;
    private final RowTask normTask = this::normRows;
    private final RowTask gegluTask = this::gegluRows;
    private final RowTask addNormTask = this::addNormRows;
    private final RowTask softcapTask = this::softcapRuns;

    @SuppressWarnings("NullAway.Init")
    RowOps(RowPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    /** Rows that one thread should take at a time. */
    static int grain(int cols) {
        return Math.max(1, MIN_FLOATS / cols);
    }

    void add(int rows, Tensor out, Tensor a, Tensor b, float scale) {
        this.out = out;
        this.a = a;
        this.b = b;
        factor = scale;
        pool.run(addTask, rows, grain(out.cols()));
    }

    private void addRows(int worker, int from, int to) {
        for (int r = from; r < to; r++) {
            RowKernels.add(Memory.address(out, r), Memory.address(a, r), Memory.address(b, r), out.cols(), factor);
        }
    }

    void scale(int rows, Tensor x, float factor) {
        this.out = x;
        this.factor = factor;
        pool.run(scaleTask, rows, grain(x.cols()));
    }

    private void scaleRows(int worker, int from, int to) {
        for (int r = from; r < to; r++) {
            long x = Memory.address(out, r);
            RowKernels.scale(x, x, out.cols(), factor);
        }
    }

    void rmsNorm(int rows, Tensor out, Tensor x, Norm norm) {
        this.out = out;
        this.a = x;
        this.norm = norm;
        pool.run(normTask, rows, grain(out.cols()));
    }

    private void normRows(int worker, int from, int to) {
        for (int r = from; r < to; r++) {
            normalise(Memory.address(out, r), Memory.address(a, r), out.cols(), norm);
        }
    }

    /** Normalises each group of one row; {@code out} may be {@code x}. */
    static void normalise(long out, long x, int cols, Norm norm) {
        int size = norm.size();
        long factors =
                norm.factors() == null ? 0 : Memory.address(norm.factors().at());
        for (int first = 0; first < cols; first += size) {
            long from = x + 4L * first;
            float inverse = (float) (1 / Math.sqrt((double) RowKernels.sumOfSquares(from, size) / size + norm.eps()));
            if (factors == 0) {
                RowKernels.scale(out + 4L * first, from, size, inverse);
            } else {
                RowKernels.multiply(out + 4L * first, from, factors, size, inverse);
            }
        }
    }

    /** {@code x = (x + norm(y)) * scale}, and {@code out = next(x)} if there is a next norm. */
    void addNorm(int rows, Tensor x, Tensor y, Norm norm, float scale, Tensor out, @Nullable Norm next) {
        this.a = x;
        this.b = y;
        this.norm = norm;
        this.factor = scale;
        this.out = out;
        this.nextNorm = next;
        pool.run(addNormTask, rows, grain(x.cols()));
    }

    private void addNormRows(int worker, int from, int to) {
        int cols = a.cols();
        for (int r = from; r < to; r++) {
            long x = Memory.address(a, r);
            long y = Memory.address(b, r);
            normalise(y, y, cols, norm);
            RowKernels.add(x, x, y, cols, factor);
            if (nextNorm != null) {
                normalise(Memory.address(out, r), x, cols, nextNorm);
            }
        }
    }

    void geglu(int rows, Tensor out, Tensor gate, Tensor up) {
        this.out = out;
        this.a = gate;
        this.b = up;
        pool.run(gegluTask, rows, grain(out.cols()));
    }

    private void gegluRows(int worker, int from, int to) {
        long run = scratch.worker(worker).run;
        for (int r = from; r < to; r++) {
            RowKernels.geglu(Memory.address(out, r), Memory.address(a, r), Memory.address(b, r), out.cols(), run);
        }
    }

    /** Logits are few rows of many columns, so it is runs of a row that are shared out. */
    void softcap(int rows, Tensor x, float cap) {
        this.out = x;
        this.factor = cap;
        pool.run(softcapTask, rows * runsPerRow(x), MIN_FLOATS / Scratch.RUN);
    }

    private static int runsPerRow(Tensor x) {
        return Math.ceilDiv(x.cols(), Scratch.RUN);
    }

    private void softcapRuns(int worker, int from, int to) {
        long run = scratch.worker(worker).run;
        int runs = runsPerRow(out);
        for (int i = from; i < to; i++) {
            int first = i % runs * Scratch.RUN;
            int count = Math.min(Scratch.RUN, out.cols() - first);
            Exponential.softcap(Memory.address(out, i / runs) + 4L * first, count, factor, run);
        }
    }
}
