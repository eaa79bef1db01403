package dev.jemma.kernels.cpu;

import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.StepLimits;

/**
 * How an attention is divided: into blocks of neighbouring rows of one span, the heads that share keys, and if that
 * makes too few units for the threads, into splits of the keys.
 */
final class AttentionPlan {
    private static final int UNITS_PER_THREAD = 4;

    /** Bounds the memory of partial results where there are many threads. */
    private static final int MAX_SPLIT_UNITS = 128;

    private final int[] firstRows;
    private final int[] rowCounts;
    private int numBlocks;
    private int numKvHeads;
    private int headsPerKvHead;
    private int headsPerUnit;
    private int headUnits;
    private int splits;

    AttentionPlan(int maxRows) {
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

    static long partialBytes(StepLimits limits, int threads) {
        return 4 * partialFloats(limits.maxAttentionCols()) * maxSplitUnits(threads);
    }

    void make(RowTable rows, int numHeads, int numKvHeads, int threads) {
        this.numKvHeads = numKvHeads;
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
                numBlocks++;
            }
        }
        splits = threads == 1 || numBlocks == 0 ? 1 : Math.max(1, maxSplitUnits(threads) / heads());
    }

    /** Units before splitting. */
    int heads() {
        return numBlocks * numKvHeads * headUnits;
    }

    int splits() {
        return splits;
    }

    int firstRow(int unit) {
        return firstRows[unit / (numKvHeads * headUnits)];
    }

    int rowCount(int unit) {
        return rowCounts[unit / (numKvHeads * headUnits)];
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
