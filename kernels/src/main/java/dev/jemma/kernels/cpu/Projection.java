package dev.jemma.kernels.cpu;

import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import org.jspecify.annotations.Nullable;

/**
 * Products of activations with up to three weight matrices in one pass over the pool: few rows as dot products at the
 * memory's speed, more as register tiles over unpacked panels of weights, or by oneDNN. Each adds in an order of its own;
 * batch-invariant are those whose order does not depend on the number of rows, chosen by the weights alone: {@link
 * GroupedDots}, tiles, and oneDNN's exact products.
 */
final class Projection {
    /** From this many rows on, tiles are faster than dot products, which repeat the unpacking for every row or four. */
    static final int FEW = 8;

    /** Bytes of weights that a thread takes at a time in a decode: two dozen microseconds at 10 GB/s. */
    private static final int CHUNK_BYTES = 256 << 10;

    /** Chunks for each thread of a product too small for whole ones. */
    private static final int CHUNKS_PER_THREAD = 4;

    private final KernelChoice choice;
    private final OneDnnRows oneDnnRows;
    private final MachineDots machine;
    private final Logits logits;
    private final RowPool pool;
    private final Scratch scratch;
    private final PanelProducts panels;
    private final OneDnnProducts exact;
    private final OneDnnRounded rounded;
    private final Weight[] weights = new Weight[3];
    private final Tensor[] outs = new Tensor[3];
    private int numWeights;
    private Tensor x;
    private int rows;
    private boolean gated;

    /** Whether the outputs are logits, and their softcap. */
    private boolean head;

    private float cap;

    /** The first of the rows that are multiplied, and how many. */
    private int firstRow;

    private int count;
    private Way way = Way.TILES;

    /** Of way {@link Way#GROUPED_DOTS}. */
    private @Nullable GroupedDots grouped;

    private final RowTask arrangeTask = this::arrange;
    private final RowTask dotsTask = this::dots;
    private final RowTask tilesTask = this::tiles;

    /** How a product is computed. */
    private enum Way {
        DOTS,
        /** By {@link GroupedDots}. */
        GROUPED_DOTS,
        TILES,
        /** By {@link OneDnnProducts}. */
        EXACT,
        /** By {@link OneDnnRounded}. */
        ROUNDED
    }

    /** @param machine for few rows of weights that these take */
    @SuppressWarnings("NullAway.Init")
    Projection(
            KernelChoice choice,
            OneDnnRows oneDnnRows,
            MachineDots machine,
            RowPool pool,
            Scratch scratch,
            Logits logits) {
        this.choice = choice;
        this.oneDnnRows = oneDnnRows;
        this.machine = machine;
        this.logits = logits;
        this.pool = pool;
        this.scratch = scratch;
        this.panels = new PanelProducts(pool, scratch);
        this.exact = new OneDnnProducts(pool, scratch);
        this.rounded = new OneDnnRounded(pool, scratch);
    }

    void matmul(int rows, Tensor out, Tensor x, Weight w) {
        head = false;
        one(rows, out, x, w);
    }

    /** See {@link Logits}. */
    void logits(int rows, Tensor out, Tensor x, Weight w, float softcap) {
        head = true;
        cap = softcap;
        one(rows, out, x, w);
    }

    private void one(int rows, Tensor out, Tensor x, Weight w) {
        gated = false;
        numWeights = 1;
        weights[0] = w;
        outs[0] = out;
        run(rows, x);
    }

    /** Three products of one input, or two where {@code wv} is null. */
    void three(int rows, Tensor x, Weight wq, Tensor q, Weight wk, Tensor k, @Nullable Weight wv, Tensor v) {
        if (!sameOrder(wq, wk) || (wv != null && !sameOrder(wq, wv))) {
            matmul(rows, q, x, wq);
            matmul(rows, k, x, wk);
            if (wv != null) {
                matmul(rows, v, x, wv);
            }
            return;
        }
        gated = false;
        head = false;
        weights[0] = wq;
        outs[0] = q;
        weights[1] = wk;
        outs[1] = k;
        numWeights = 2;
        if (wv != null) {
            weights[2] = wv;
            outs[2] = v;
            numWeights = 3;
        }
        run(rows, x);
    }

    /** {@code out = gelu_tanh(gate x) * (up x)}. */
    void gated(int rows, Tensor out, Tensor x, Weight gate, Weight up, Tensor ups) {
        head = false;
        numWeights = 1;
        weights[0] = gate;
        outs[0] = out;
        weights[1] = up;
        outs[1] = ups;
        gated = true;
        run(rows, x);
    }

    /** Whether both weights want their activations in the same order and sums. */
    static boolean sameOrder(Weight a, Weight b) {
        return Dots.perWord(a) == Dots.perWord(b) && Dots.groupSize(a) == Dots.groupSize(b);
    }

    private void run(int rows, Tensor x) {
        this.rows = rows;
        if (rows == 0) {
            return;
        }
        firstRow = 0;
        count = rows;
        int outputs = 0;
        for (int i = 0; i < numWeights; i++) {
            outputs += weights[i].rows();
        }
        way = way(x);
        switch (way) {
            case ROUNDED -> {
                rounded.round(rows, x, weights[0]);
                share(tilesTask, outputs, rounded.grain(weights[0], outputs));
            }
            case EXACT -> {
                exact.split(rows, x, weights[0]);
                share(tilesTask, outputs, exact.grain(rows, weights[0], outputs));
            }
            case GROUPED_DOTS -> {
                this.x = x;
                for (firstRow = 0; firstRow < rows; firstRow += TokenGroups.MAX) {
                    count = Math.min(TokenGroups.MAX, rows - firstRow);
                    arrange();
                    share(dotsTask, outputs, dotsGrain(outputs));
                }
            }
            case DOTS -> {
                this.x = x;
                arrange();
                share(dotsTask, outputs, dotsGrain(outputs));
            }
            case TILES -> {
                panels.pack(rows, x, weights[0]);
                int rowsEach = Math.ceilDiv(outputs, CHUNKS_PER_THREAD * pool.threads());
                share(tilesTask, outputs, PanelProducts.grain(rowsEach));
            }
        }
    }

    private void share(RowTask task, int outputs, int grain) {
        if (head) {
            logits.begin(outs[0], rows, cap, grain);
        }
        pool.run(task, outputs, grain);
    }

    private Way way(Tensor x) {
        boolean rounds = oneDnnRows.rounds(rows);
        boolean exact = true;
        grouped = machine.of(rows, weights[0]);
        for (int i = 0; i < numWeights + (gated ? 1 : 0); i++) {
            rounds &= OneDnnRounded.takes(x, weights[i]);
            exact &= oneDnnRows.exact(rows, weights[i]) && OneDnnProducts.takes(x, weights[i]);
            grouped = grouped == machine.of(rows, weights[i]) ? grouped : null;
        }
        if (exact && !rounds) {
            return Way.EXACT;
        }
        if (grouped != null) {
            return Way.GROUPED_DOTS;
        }
        if (rounds) {
            return Way.ROUNDED;
        }
        return rows < FEW && choice == KernelChoice.FASTEST ? Way.DOTS : Way.TILES;
    }

    private GroupedDots grouped() {
        if (grouped == null) {
            throw new IllegalStateException("this product has another way");
        }
        return grouped;
    }

    /**
     * Activations of one row, each thread arranges for itself when it takes its first chunk: that takes it no longer than
     * waiting for another thread to do so, and then it has them in its own caches.
     */
    private void arrange() {
        scratch.beginProduct();
        if (count > 1) {
            pool.run(arrangeTask, count, 1);
        }
    }

    private void arrange(int worker, int from, int to) {
        for (int row = from; row < to; row++) {
            long at = Memory.address(x, firstRow + row);
            if (way == Way.GROUPED_DOTS) {
                grouped().arrange(scratch.groups(0), row, count, at, weights[0], scratch.worker(worker));
            } else {
                Dots.arrange(scratch.inputs(row), at, weights[0], count);
            }
        }
    }

    private void arrangeOwn(Scratch.Worker own) {
        long at = Memory.address(x, firstRow);
        if (way == Way.GROUPED_DOTS) {
            grouped().arrange(own.group, 0, 1, at, weights[0], own);
        } else {
            Dots.arrange(own.input, at, weights[0], 1);
        }
        own.arrangedFor = scratch.productNumber();
    }

    private int dotsGrain(int outputs) {
        long whole = CHUNK_BYTES / Dots.rowBytes(weights[0]);
        int share = Math.ceilDiv(outputs, CHUNKS_PER_THREAD * pool.threads());
        int grain = (int) Math.max(1, Math.min(whole, share));
        // Kernels read four rows at a time, best whole pages apart.
        int unit = 4 * Streams.unit(Dots.streamRowBytes(weights[0]));
        return grain < unit / 2 ? Math.ceilDiv(grain, 4) * 4 : Math.max(1, (grain + unit / 2) / unit) * unit;
    }

    private void dots(int worker, int from, int to) {
        Scratch.Worker own = scratch.worker(worker);
        if (count == 1 && own.arrangedFor != scratch.productNumber()) {
            arrangeOwn(own);
        }
        int first = 0;
        for (int i = 0; i < numWeights; i++) {
            int begin = Math.max(from - first, 0);
            int end = Math.min(to - first, weights[i].rows());
            if (begin < end) {
                dots(i, begin, end, own);
                if (gated) {
                    dots(i + 1, begin, end, own);
                    gate(begin, end, own);
                }
            }
            first += weights[i].rows();
        }
        if (head) {
            logits.end(outs[0], firstRow, count, from, to, own.run);
        }
    }

    private void dots(int i, int begin, int end, Scratch.Worker own) {
        long out = Memory.address(outs[i], firstRow) + 4L * begin;
        long stride = 4L * outs[i].rowStride();
        int outputs = end - begin;
        if (way == Way.GROUPED_DOTS) {
            TokenGroups in = count == 1 ? own.group : scratch.groups(0);
            grouped().rows(out, stride, in, count, weights[i], begin, outputs, own);
        } else {
            Dots.Inputs in = count == 1 ? own.input : scratch.inputs(0);
            Dots.rows(out, stride, in, count, weights[i], begin, outputs, own);
        }
    }

    private void gate(int begin, int end, Scratch.Worker own) {
        for (int row = firstRow; row < firstRow + count; row++) {
            long out = Memory.address(outs[0], row) + 4L * begin;
            long up = Memory.address(outs[1], row) + 4L * begin;
            RowKernels.geglu(out, out, up, end - begin, own.run);
        }
    }

    private void tiles(int worker, int from, int to) {
        Scratch.Worker own = scratch.worker(worker);
        int first = 0;
        for (int i = 0; i < numWeights; i++) {
            int begin = Math.max(from - first, 0);
            int end = Math.min(to - first, weights[i].rows());
            if (begin < end) {
                tiles(weights[i], outs[i], begin, end, own);
                if (gated) {
                    tiles(weights[i + 1], outs[i + 1], begin, end, own);
                    gate(begin, end, own);
                }
            }
            first += weights[i].rows();
        }
        if (head) {
            logits.end(outs[0], 0, rows, from, to, own.run);
        }
    }

    private void tiles(Weight w, Tensor out, int begin, int end, Scratch.Worker own) {
        switch (way) {
            case ROUNDED -> rounded.outputs(w, out, begin, end, own);
            case EXACT -> exact.outputs(w, out, begin, end, own);
            case DOTS, GROUPED_DOTS, TILES -> panels.outputs(rows, w, out, begin, end, own);
        }
    }
}
