package dev.jemma.kernels.cpu;

import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.StepLimits;

/**
 * How an attention is divided: into units, each a block of neighbouring rows of one span with heads that share keys, and
 * units into splits of their keys. The fastest kernels split keys if there are too few units for the threads. The
 * batch-invariant ones split those of decodes, by how many there are; whether a unit's splits then are work of many
 * threads or of one, one behind the other, changes nothing in what is added to what.
 */
final class AttentionPlan {
    private static final int UNITS_PER_THREAD = 4;

    /** Bounds the memory of partial results where there are many threads. */
    private static final int MAX_SPLIT_UNITS = 128;

    /** Fewest keys of a split of a batch-invariant decode: some tens of microseconds, a join takes one. */
    private static final int MIN_SPLIT_KEYS = 256;

    /** The same where nothing hangs on it: some ten microseconds of a decode. */
    private static final int MIN_SPLIT_KEYS_OF_FASTEST = 128;

    private static final int MAX_SPLITS = 16;

    private final KernelChoice choice;
    private final int[] firstRows;
    private final int[] rowCounts;
    private final int[] blockSplits;
    private final boolean[] decodes;
    private int numBlocks;
    private int numKvHeads;
    private int headsPerKvHead;
    private int headsPerUnit;
    private int headUnits;
    private int itemsPerUnit;

    AttentionPlan(KernelChoice choice, int maxRows) {
        this.choice = choice;
        blockSplits = new int[maxRows];
        decodes = new boolean[maxRows];
        firstRows = new int[maxRows];
        rowCounts = new int[maxRows];
    }

    /** Most units of an attention whose keys are split. */
    private static int maxSplitUnits(int threads) {
        return Math.min(MAX_SPLIT_UNITS, UNITS_PER_THREAD * threads);
    }

    /** Floats of one unit's partial result: sums, largest scores and totals. */
    static long partialFloats(int headDim) {
        return (long) AttentionScratch.LANES * (headDim + 2);
    }

    /** Partial results that there is room for: at least all of one unit for each thread. */
    private static int maxPartials(int threads) {
        return Math.max(maxSplitUnits(threads), MAX_SPLITS * threads);
    }

    static long partialBytes(StepLimits limits, int threads) {
        return 4 * partialFloats(limits.maxAttentionCols()) * maxPartials(threads);
    }

    void make(RowTable rows, int numHeads, KvView kv, int threads) {
        numKvHeads = kv.numKvHeads();
        headsPerKvHead = numHeads / numKvHeads;
        headsPerUnit = Math.min(headsPerKvHead, AttentionScratch.LANES);
        headUnits = Math.ceilDiv(headsPerKvHead, headsPerUnit);
        int rowsPerBlock = Math.max(1, AttentionScratch.LANES / headsPerUnit);
        numBlocks = 0;
        for (int span = 0; span < rows.numSpans(); span++) {
            int end = rows.spanStart(span) + rows.spanLength(span);
            for (int row = rows.spanStart(span); row < end; row += rowsPerBlock) {
                firstRows[numBlocks] = row;
                rowCounts[numBlocks] = Math.min(rowsPerBlock, end - row);
                decodes[numBlocks] = rows.isDecode(span);
                numBlocks++;
            }
        }
        switch (choice) {
            case FASTEST -> splitByUnits(rows, kv, threads);
            case BATCH_INVARIANT -> splitByKeys(rows, kv, threads);
        }
    }

    private void splitByUnits(RowTable rows, KvView kv, int threads) {
        int most = threads == 1 || numBlocks == 0 ? 1 : Math.max(1, maxSplitUnits(threads) / units());
        itemsPerUnit = 1;
        for (int block = 0; block < numBlocks; block++) {
            int first = kv.firstVisible(rows.position(firstRows[block]));
            int keys = rows.position(firstRows[block] + rowCounts[block] - 1) - first + 1;
            blockSplits[block] = Math.clamp(keys / MIN_SPLIT_KEYS_OF_FASTEST, 1, most);
            itemsPerUnit = Math.max(itemsPerUnit, blockSplits[block]);
        }
    }

    private void splitByKeys(RowTable rows, KvView kv, int threads) {
        int most = 1;
        for (int block = 0; block < numBlocks; block++) {
            int position = rows.position(firstRows[block]);
            int keys = position - kv.firstVisible(position) + 1;
            blockSplits[block] = decodes[block] ? Math.clamp(keys / MIN_SPLIT_KEYS, 1, MAX_SPLITS) : 1;
            most = Math.max(most, blockSplits[block]);
        }
        itemsPerUnit = units() * most <= maxPartials(threads) ? most : 1;
    }

    int units() {
        return numBlocks * numKvHeads * headUnits;
    }

    /** Pieces of work that a unit is shared out in: as many as the most splits of any unit, or one with all splits. */
    int itemsPerUnit() {
        return itemsPerUnit;
    }

    /** Parts that a unit's keys are divided in, one partial result each. */
    int splits(int unit) {
        return blockSplits[block(unit)];
    }

    /** Where a thread keeps the partial results of units whose splits are not shared out. */
    static int firstOwnPartial(int worker) {
        return MAX_SPLITS * worker;
    }

    boolean isBatchInvariant() {
        return choice == KernelChoice.BATCH_INVARIANT;
    }

    /** Whether {@link NarrowAttention} may take a unit if it has few queries. */
    boolean mayBeNarrow(int unit) {
        return !isBatchInvariant() || decodes[block(unit)];
    }

    private int block(int unit) {
        return unit / (numKvHeads * headUnits);
    }

    int firstRow(int unit) {
        return firstRows[block(unit)];
    }

    int rowCount(int unit) {
        return rowCounts[block(unit)];
    }

    int kvHead(int unit) {
        return unit / headUnits % numKvHeads;
    }

    /** First query head of a unit. */
    int firstHead(int unit) {
        return kvHead(unit) * headsPerKvHead + unit % headUnits * headsPerUnit;
    }

    int headCount(int unit) {
        return Math.min(headsPerUnit, headsPerKvHead - unit % headUnits * headsPerUnit);
    }
}
