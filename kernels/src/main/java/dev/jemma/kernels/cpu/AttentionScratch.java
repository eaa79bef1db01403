package dev.jemma.kernels.cpu;

import dev.jemma.kernels.StepLimits;

/** One thread's memory for an attention: {@link Attention} says what the parts hold. Head sizes are at most maxAttentionCols. */
final class AttentionScratch {
    /** Keys of a tile: 8 register tiles of rows; as floats of 256 columns 48 KiB. */
    static final int KEYS = 8 * Tiles.ROWS;

    /** Most queries of a block: what the widest register tile has as columns. */
    static final int LANES = Tiles.MAX_VECTORS * Lanes.COUNT;

    /** Queries, {@code [headDim, width]}. */
    final long queries;

    /** Scores, then weights: {@code [KEYS, width]}. */
    final long scores;

    /** Keys or values as floats, {@code [KEYS, headDim]}. */
    final long tile;

    /** Weighted sums of values, {@code [headDim, width]}. */
    final long sums;

    /** The same of one tile of keys. */
    final long product;

    /** Largest score so far, {@code [width]}. */
    final long max;

    /** Sum of weights so far, {@code [width]}. */
    final long total;

    /** What sums so far must be multiplied with, {@code [width]}. */
    final long correction;

    /** First and last visible position of each query as floats, {@code [width]}. */
    final long firstVisible;

    final long position;

    /** {@code [width]} times 1. */
    final long ones;

    /** Keys or values of {@link NarrowAttention}: an array, as C2 makes vector conversions only of loops that write to one. */
    final float[] floats;

    AttentionScratch(Scratch scratch, StepLimits limits) {
        int cols = Tiles.wholeRows(limits.maxAttentionCols());
        queries = scratch.take("queries", 4L * LANES * cols);
        scores = scratch.take("scores", 4L * LANES * KEYS);
        tile = scratch.take("keys and values", 4L * (KEYS * limits.maxAttentionCols() + Tiles.ROWS));
        sums = scratch.take("sums of values", 4L * LANES * cols);
        product = scratch.take("sums of a tile's values", 4L * LANES * cols);
        floats = new float[NarrowAttention.tileFloats(limits.maxAttentionCols())];
        max = scratch.take("softmax", 4L * LANES * 6);
        total = max + 4L * LANES;
        correction = max + 8L * LANES;
        firstVisible = max + 12L * LANES;
        position = max + 16L * LANES;
        ones = max + 20L * LANES;
        for (int lane = 0; lane < LANES; lane++) {
            Memory.putF32(ones + 4L * lane, 1);
        }
    }
}
