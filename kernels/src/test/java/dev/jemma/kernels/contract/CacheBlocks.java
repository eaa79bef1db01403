package dev.jemma.kernels.contract;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.RowTable;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** The cache of one layer for one case, with what it was filled with. */
final class CacheBlocks {
    private final Bench bench;
    private final Block keyBlock;
    private final Block valueBlock;
    private final KvView view;
    private final double[] keys;
    private final double[] values;
    private Tolerance keyTolerance = Tolerance.EXACT;
    private Tolerance valueTolerance = Tolerance.EXACT;

    CacheBlocks(Bench bench, DType dtype, int slots, int numKvHeads, int headDim, int capacity, int window) {
        this.bench = bench;
        int elements = slots * numKvHeads * capacity * headDim;
        keyBlock = bench.block("keys", dtype.bytes(elements));
        valueBlock = bench.block("values", dtype.bytes(elements));
        view = new KvView(keyBlock.region(), valueBlock.region(), dtype, slots, numKvHeads, headDim, capacity, window);
        keys = fill(keyBlock, bench.normal(elements, 1));
        values = fill(valueBlock, bench.normal(elements, 1));
    }

    private double[] fill(Block block, double[] elements) {
        for (int i = 0; i < elements.length; i++) {
            elements[i] = set(block, i, (float) elements[i]);
        }
        return elements;
    }

    /** Stores a number in the cache's type; returns what that rounds it to. */
    private double set(Block block, int element, float number) {
        long offset = view.dtype().bytes(element);
        if (view.dtype() == DType.F32) {
            block.setFloat(offset, number);
            return number;
        }
        short half = Float.floatToFloat16(number);
        block.setShort(offset, half);
        return Float.float16ToFloat(half);
    }

    KvView view() {
        return view;
    }

    /**
     * Makes every row that no query of the step sees a hundred times larger, as stale keys and keys of other windows
     * may be: a kernel that lets one in shows.
     */
    CacheBlocks raiseInvisible() {
        for (int slot = 0; slot < view.slots(); slot++) {
            boolean[] visible = visibleRows(slot);
            for (int head = 0; head < view.numKvHeads(); head++) {
                for (int row = 0; row < view.capacity(); row++) {
                    if (!visible[row]) {
                        raise((int) view.element(slot, head, row));
                    }
                }
            }
        }
        return this;
    }

    private void raise(int first) {
        for (int i = first; i < first + view.headDim(); i++) {
            keys[i] = set(keyBlock, i, (float) keys[i] * 100);
            values[i] = set(valueBlock, i, (float) values[i] * 100);
        }
    }

    private boolean[] visibleRows(int slot) {
        boolean[] visible = new boolean[view.capacity()];
        RowTable rows = bench.step().rows(RowSet.ALL);
        for (int r = 0; r < rows.count(); r++) {
            for (int p = view.firstVisible(rows.position(r)); rows.slot(r) == slot && p <= rows.position(r); p++) {
                visible[view.row(p)] = true;
            }
        }
        return visible;
    }

    double key(int slot, int head, int position, int col) {
        return keys[(int) view.element(slot, head, position) + col];
    }

    double value(int slot, int head, int position, int col) {
        return values[(int) view.element(slot, head, position) + col];
    }

    /** Lets ops write the rows of the step's positions. */
    CacheBlocks storeRows() {
        RowTable rows = bench.step().rows(RowSet.ALL);
        for (int r = 0; r < rows.count(); r++) {
            for (int head = 0; head < view.numKvHeads(); head++) {
                allow(view.element(rows.slot(r), head, rows.position(r)), view.headDim());
            }
        }
        return this;
    }

    /** Lets ops write the first rows of a slot. */
    CacheBlocks storeSlot(int slot, int rows) {
        for (int head = 0; head < view.numKvHeads(); head++) {
            allow(view.element(slot, head, 0), rows * view.headDim());
        }
        return this;
    }

    private void allow(long element, int count) {
        keyBlock.allow(view.dtype().bytes(element), view.dtype().bytes(count));
        valueBlock.allow(view.dtype().bytes(element), view.dtype().bytes(count));
    }

    /** How far the whole cache may differ afterwards, by element, as a single row. */
    void compare(Tolerance forKeys, Tolerance forValues) {
        keyTolerance = forKeys;
        valueTolerance = forValues;
    }

    List<Result> results() {
        return List.of(
                new Result("keys", view.headDim(), keyTolerance, read(keyBlock)),
                new Result("values", view.headDim(), valueTolerance, read(valueBlock)));
    }

    private double[] read(Block block) {
        MemorySegment content = block.download();
        double[] elements = new double[keys.length];
        for (int i = 0; i < elements.length; i++) {
            long offset = view.dtype().bytes(i);
            elements[i] = view.dtype() == DType.F32
                    ? content.get(ValueLayout.JAVA_FLOAT_UNALIGNED, offset)
                    : Float.float16ToFloat(content.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset));
        }
        return elements;
    }
}
