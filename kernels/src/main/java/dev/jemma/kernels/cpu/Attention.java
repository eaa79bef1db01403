package dev.jemma.kernels.cpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;

/**
 * Attention over cached keys with a running softmax. A unit takes the queries of a block of rows and of the heads that
 * share keys, one in each lane of up to four vectors, and goes over its keys a tile at a time:
 *
 * <pre>
 * scores[key, lane] = keys[key, :] . queries[:, lane]       register tiles, keys unpacked once for all lanes
 * weights = e^(scores - max), sums and totals corrected     elementwise: no sum crosses lanes
 * sums[d, lane] += values[:, d] . weights[:, lane]          register tiles
 * </pre>
 *
 * Tiles outside of what the block sees are never read; those at its edges are masked. Where keys were split, the splits'
 * sums are joined at the end.
 *
 * <p>Tiles end at multiples of their size, wherever a block or a ring begins, and a tile of which a query sees nothing
 * leaves that query's sums as they are, to the bit: its weights are 0, and its largest score and correction stay. So
 * a query's result does not depend on which others are in its block.
 */
final class Attention {
    private final Step step;
    private final RowPool pool;
    private final Scratch scratch;
    private final AttentionPlan plan;
    private final boolean mayUseMachineCode;
    private final RowTask unitTask = this::units;
    private final RowTask joinTask = this::join;
    private Tensor out;
    private Tensor q;
    private KvView kv;
    private RowTable rows;
    private float scale;
    private float softcap;

    /** @param mayUseMachineCode whether {@link MachineAttention} may take what it can */
    @SuppressWarnings("NullAway.Init")
    Attention(
            Step step,
            KernelChoice choice,
            RowPool pool,
            Scratch scratch,
            StepLimits limits,
            boolean mayUseMachineCode) {
        this.step = step;
        this.pool = pool;
        this.scratch = scratch;
        this.plan = new AttentionPlan(choice, limits.maxRows());
        this.mayUseMachineCode = mayUseMachineCode;
    }

    void attend(Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        this.out = out;
        this.q = q;
        this.kv = kv;
        this.scale = scale;
        this.softcap = softcap;
        rows = step.rows(q.rows());
        plan.make(rows, q.cols() / kv.headDim(), kv, pool.threads());
        pool.run(unitTask, plan.units() * plan.itemsPerUnit(), 1);
        if (plan.itemsPerUnit() > 1) {
            pool.run(joinTask, plan.units(), 1);
        }
    }

    private void units(int worker, int from, int to) {
        AttentionScratch own = scratch.worker(worker).attention;
        for (int i = from; i < to; i++) {
            if (plan.itemsPerUnit() > 1) {
                int unit = i / plan.itemsPerUnit();
                int split = i % plan.itemsPerUnit();
                if (split < plan.splits(unit)) {
                    attendSplit(unit, split, i, own, worker);
                }
            } else {
                int partial = AttentionPlan.firstOwnPartial(worker);
                for (int split = 0; split < plan.splits(i); split++) {
                    attendSplit(i, split, partial + split, own, worker);
                }
                if (plan.splits(i) > 1) {
                    join(i, partial, own);
                }
            }
        }
    }

    /** The result of a unit's only split, or the partial one of one of several. */
    private void attendSplit(int unit, int split, int partial, AttentionScratch own, int worker) {
        int width = width(unit);
        gatherQueries(unit, width, own);
        attendKeys(unit, split, width, own, worker);
        if (plan.splits(unit) == 1) {
            finish(unit, own, width);
        } else {
            keep(unit, partial, width, own);
        }
    }

    private int width(int unit) {
        return Tiles.vectors(lanes(unit)) * Lanes.COUNT;
    }

    private int lanes(int unit) {
        return plan.rowCount(unit) * plan.headCount(unit);
    }

    /** Floats of a unit's queries, and of its sums: {@code [headDim, width]}, or rows where it is narrow. */
    private int size(int unit, int width) {
        return (narrow(unit) ? NarrowAttention.rows(lanes(unit)) : width) * kv.headDim();
    }

    /** Lane {@code row * headCount + head} gets that query, scaled. Lanes beyond are copies of the first row's limits and 0. */
    private void gatherQueries(int unit, int width, AttentionScratch own) {
        int headDim = kv.headDim();
        int heads = plan.headCount(unit);
        int lanes = lanes(unit);
        Memory.zero(own.queries, 4L * size(unit, width));
        boolean narrow = narrow(unit);
        boolean machine = machine(unit);
        for (int lane = 0; lane < width; lane++) {
            int row = plan.firstRow(unit) + (lane < lanes ? lane / heads : 0);
            int position = rows.position(row);
            Memory.putF32(own.firstVisible + 4L * lane, kv.firstVisible(position));
            Memory.putF32(own.position + 4L * lane, position);
            if (lane < lanes) {
                long from = Memory.address(q, row) + 4L * headDim * (plan.firstHead(unit) + lane % heads);
                if (machine) {
                    FloatDots.arrange(own.queries, lane, lanes, from, headDim, scale);
                    continue;
                }
                if (narrow) {
                    RowKernels.scale(own.queries + 4L * headDim * lane, from, headDim, scale);
                    continue;
                }
                for (int d = 0; d < headDim; d++) {
                    Memory.putF32(own.queries + 4L * (d * width + lane), Memory.f32(from + 4L * d) * scale);
                }
            }
        }
    }

    /** Whether queries are few, and their sums rows of {@code headDim}. */
    private boolean narrow(int unit) {
        return machine(unit) || (plan.mayBeNarrow(unit) && NarrowAttention.takes(lanes(unit), kv.headDim()));
    }

    /** Whether a narrow unit goes to {@link MachineAttention}. */
    private boolean machine(int unit) {
        return mayUseMachineCode && plan.mayBeNarrow(unit) && MachineAttention.takes(lanes(unit), kv.headDim());
    }

    private void attendKeys(int unit, int split, int width, AttentionScratch own, int worker) {
        int firstRow = plan.firstRow(unit);
        int lastRow = firstRow + plan.rowCount(unit) - 1;
        int begin = kv.firstVisible(rows.position(firstRow));
        int end = rows.position(lastRow) + 1;
        int share = Math.ceilDiv(Math.ceilDiv(end - begin, plan.splits(unit)), AttentionScratch.KEYS)
                * AttentionScratch.KEYS;
        int from = begin + split * share;
        int to = Math.min(end, from + share);
        AttentionKernels.start(own.max, own.total, width);
        Memory.zero(own.sums, 4L * size(unit, width));
        boolean narrow = narrow(unit);
        int lanes = lanes(unit);
        boolean machine = machine(unit);
        int keysAtOnce = narrow && !machine ? NarrowAttention.keys(kv.headDim()) : AttentionScratch.KEYS;
        int seenByLast = kv.firstVisible(rows.position(lastRow));
        for (int key = from; key < to; ) {
            int keys = Math.min(keysAtOnce - key % keysAtOnce, to - key);
            boolean edge = key < seenByLast || key + keys - 1 > rows.position(firstRow);
            if (machine) {
                addMachineTile(rows.slot(firstRow), plan.kvHead(unit), key, keys, lanes, width, edge, own, worker);
            } else if (narrow) {
                addNarrowTile(rows.slot(firstRow), plan.kvHead(unit), key, keys, lanes, width, edge, own);
            } else {
                addTile(rows.slot(firstRow), plan.kvHead(unit), key, keys, width, edge, own, worker);
            }
            key += keys;
        }
    }

    private void addTile(
            int slot, int kvHead, int key, int keys, int width, boolean edge, AttentionScratch own, int worker) {
        int headDim = kv.headDim();
        int vectors = width / Lanes.COUNT;
        long rowStep = 4L * headDim;
        long lanesStep = 4L * width;
        unpack(kv.keys(), slot, kvHead, key, keys, own.tile, worker);
        Tiles.product(vectors, keys, own.tile, rowStep, 4, own.queries, own.scores, lanesStep, headDim);
        softmax(key, keys, width, edge, own);
        unpack(kv.values(), slot, kvHead, key, keys, own.tile, worker);
        Tiles.product(vectors, headDim, own.tile, 4, rowStep, own.scores, own.product, lanesStep, keys);
        AttentionKernels.correctAndAdd(own.sums, own.product, headDim, width, own.correction);
    }

    private void addNarrowTile(
            int slot, int kvHead, int key, int keys, int lanes, int width, boolean edge, AttentionScratch own) {
        int headDim = kv.headDim();
        float[] tile = own.floats;
        unpack(tile, kv.keys(), slot, kvHead, key, keys);
        NarrowAttention.scores(own.scores, width, tile, keys, own.queries, lanes, headDim, plan.isBatchInvariant());
        softmax(key, keys, width, edge, own);
        unpack(tile, kv.values(), slot, kvHead, key, keys);
        NarrowAttention.addValues(own.sums, own.correction, tile, keys, own.scores, width, lanes, headDim);
    }

    /** Keys and values where they lie: up to the end of the ring, then from its beginning. */
    private void addMachineTile(
            int slot,
            int kvHead,
            int key,
            int keys,
            int lanes,
            int width,
            boolean edge,
            AttentionScratch own,
            int worker) {
        long arguments = scratch.worker(worker).arguments;
        int headDim = kv.headDim();
        DType dtype = kv.dtype();
        Memory.zero(own.scores, 4L * width * keys);
        for (int done = 0, count; done < keys; done += count) {
            count = neighbours(key + done, keys - done);
            long from = address(kv.keys(), slot, kvHead, key + done);
            long to = own.scores + 4L * width * done;
            MachineAttention.scores(to, width, from, dtype, count, own.queries, lanes, headDim, arguments);
        }
        softmax(key, keys, width, edge, own);
        long correction = own.correction;
        for (int done = 0, count; done < keys; done += count) {
            count = neighbours(key + done, keys - done);
            long from = address(kv.values(), slot, kvHead, key + done);
            long weights = own.scores + 4L * width * done;
            MachineAttention.addValues(
                    own.sums, correction, from, dtype, count, weights, width, lanes, headDim, arguments);
            correction = own.ones;
        }
    }

    /** Scores to weights, the new largest scores and totals, and the correction of the sums so far. */
    private void softmax(int key, int keys, int width, boolean edge, AttentionScratch own) {
        if (softcap > 0) {
            Exponential.softcap(own.scores, keys * width, softcap);
        }
        if (edge) {
            AttentionKernels.hide(own.scores, keys, width, key, own.firstVisible, own.position);
        }
        AttentionKernels.shift(own.scores, keys, width, own.max, own.correction);
        Exponential.exp(own.scores, keys * width);
        Exponential.exp(own.correction, width);
        AttentionKernels.addWeights(own.scores, keys, width, own.total, own.correction);
    }

    private long address(Region cache, int slot, int kvHead, int key) {
        return Memory.address(cache) + kv.dtype().byteSize() * kv.element(slot, kvHead, key);
    }

    /** How many of {@code keys} positions lie behind each other from {@code key} on, up to the end of the ring. */
    private int neighbours(int key, int keys) {
        return Math.min(keys, kv.capacity() - kv.row(key));
    }

    /** {@code keys} rows of the cache, whose ring may end among them, as floats. */
    private void unpack(float[] tile, Region cache, int slot, int kvHead, int key, int keys) {
        int headDim = kv.headDim();
        for (int done = 0; done < keys; ) {
            int count = neighbours(key + done, keys - done);
            long from = address(cache, slot, kvHead, key + done);
            if (kv.dtype() == DType.F32) {
                Unpack.f32(tile, done * headDim, from, count * headDim);
            } else {
                Unpack.f16(tile, done * headDim, from, count * headDim);
            }
            done += count;
        }
    }

    private void unpack(Region cache, int slot, int kvHead, int key, int keys, long tile, int worker) {
        int headDim = kv.headDim();
        for (int done = 0; done < keys; ) {
            int count = neighbours(key + done, keys - done);
            unpackRun(cache, slot, kvHead, key + done, count, tile + 4L * headDim * done, worker);
            done += count;
        }
    }

    /** {@code keys} neighbouring rows of the cache as floats. */
    private void unpackRun(Region cache, int slot, int kvHead, int key, int keys, long tile, int worker) {
        long from = address(cache, slot, kvHead, key);
        int headDim = kv.headDim();
        if (kv.dtype() == DType.F32) {
            Memory.copy(tile, from, 4L * keys * headDim);
            return;
        }
        for (int i = 0; i < keys; i++) {
            Unpack.f16ToMemory(
                    tile + 4L * i * headDim, from + 2L * i * headDim, headDim, scratch.worker(worker).halves);
        }
    }

    /** Divides the sums by the totals and writes them to the output. */
    private void finish(int unit, AttentionScratch own, int width) {
        int headDim = kv.headDim();
        int heads = plan.headCount(unit);
        boolean narrow = narrow(unit);
        for (int lane = 0; lane < lanes(unit); lane++) {
            int row = plan.firstRow(unit) + lane / heads;
            long to = Memory.address(out, row) + 4L * headDim * (plan.firstHead(unit) + lane % heads);
            float share = 1 / Memory.f32(own.total + 4L * lane);
            if (narrow) {
                RowKernels.scale(to, own.sums + 4L * headDim * lane, headDim, share);
            } else {
                TokenPacking.column(to, own.sums + 4L * lane, 4L * width, headDim);
                RowKernels.scale(to, to, headDim, share);
            }
        }
    }

    private long partial(int index) {
        return scratch.partials + 4 * AttentionPlan.partialFloats(kv.headDim()) * index;
    }

    /** A partial result: largest scores, totals, sums. */
    private void keep(int unit, int index, int width, AttentionScratch own) {
        long to = partial(index);
        Memory.copy(to, own.max, 4L * width);
        Memory.copy(to + 4L * width, own.total, 4L * width);
        Memory.copy(to + 8L * width, own.sums, 4L * size(unit, width));
    }

    private void join(int worker, int from, int to) {
        AttentionScratch own = scratch.worker(worker).attention;
        for (int unit = from; unit < to; unit++) {
            if (plan.splits(unit) > 1) {
                join(unit, unit * plan.itemsPerUnit(), own);
            }
        }
    }

    /** {@code e^(max_split - max)} is what each split's part is worth. */
    private void join(int unit, int firstPartial, AttentionScratch own) {
        int width = width(unit);
        long lanes = 4L * width;
        AttentionKernels.start(own.max, own.total, width);
        Memory.zero(own.sums, 4L * size(unit, width));
        for (int split = 0; split < plan.splits(unit); split++) {
            long part = partial(firstPartial + split);
            Memory.copy(own.scores, part, lanes);
            AttentionKernels.shift(own.scores, 1, width, own.max, own.correction);
            Exponential.exp(own.scores, width);
            Exponential.exp(own.correction, width);
            AttentionKernels.addScaled(own.total, own.correction, part + lanes, own.scores, 1, width);
            long addend = part + 2 * lanes;
            if (narrow(unit)) {
                NarrowAttention.addScaled(own.sums, own.correction, addend, own.scores, lanes(unit), kv.headDim());
            } else {
                AttentionKernels.addScaled(own.sums, own.correction, addend, own.scores, kv.headDim(), width);
            }
        }
        finish(unit, own, width);
    }
}
