package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.F32;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The two products of {@link Attention} for few queries, as those of one row: a register tile with a query in each lane
 * would leave most lanes empty. Queries and sums are rows of {@code headDim} here, and vectors go along them. Scores and
 * weights stay {@code [key, width]}, so that the softmax is the same.
 */
final class NarrowAttention {
    /** Most queries of a unit; at more than half of a 512-bit vector's lanes register tiles are as fast. */
    static final int MAX_LANES = 8;

    /** Queries that share a load of keys or values; rows of queries and sums are a multiple. */
    static final int LANES_AT_ONCE = 4;

    /** Keys or values as floats: two thirds of an L1 cache of 48 KiB. */
    private static final int TILE_FLOATS = 8192;

    private static final int V = Lanes.BYTES;

    private NarrowAttention() {}

    static boolean takes(int lanes, int headDim) {
        return lanes <= MAX_LANES && headDim % (2 * Lanes.COUNT) == 0;
    }

    /** Keys of a tile. */
    static int keys(int headDim) {
        return Math.clamp(TILE_FLOATS / headDim, 1, AttentionScratch.KEYS);
    }

    /** Floats of the largest tile. */
    static int tileFloats(int maxHeadDim) {
        return Math.max(TILE_FLOATS, maxHeadDim);
    }

    /** Rows that {@code lanes} queries take. */
    static int rows(int lanes) {
        return Math.ceilDiv(lanes, LANES_AT_ONCE) * LANES_AT_ONCE;
    }

    /**
     * {@code scores[key, lane] = tile[key] . queries[lane]}; what is left of the {@code width} lanes becomes 0.
     *
     * @param ordered sums as {@link Lanes#sum} has them, which takes half as long again
     */
    static void scores(
            long scores, int width, float[] tile, int keys, long queries, int lanes, int headDim, boolean ordered) {
        Memory.zero(scores, 4L * width * keys);
        for (int lane = 0; lane < lanes; lane += LANES_AT_ONCE) {
            long q = queries + 4L * headDim * lane;
            for (int key = 0; key < keys; key += 2) {
                // The last of an odd number goes with itself.
                int next = Math.min(key + 1, keys - 1);
                long to = scores + 4L * (width * key + lane);
                long other = to + 4L * width * (next - key);
                twoByFour(to, other, tile, key * headDim, next * headDim, q, headDim, ordered);
            }
        }
    }

    private static void twoByFour(
            long out0, long out1, float[] tile, int key0, int key1, long q, int headDim, boolean ordered) {
        long row = 4L * headDim;
        int step = Lanes.COUNT * Lanes.one();
        FloatVector a0 = FloatVector.zero(Lanes.F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        for (int i = 0; i < headDim; i += step) {
            FloatVector a = FloatVector.fromArray(Lanes.F, tile, key0 + i);
            FloatVector b = FloatVector.fromArray(Lanes.F, tile, key1 + i);
            long at = q + 4L * i;
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE);
            a0 = a.fma(y, a0);
            b0 = b.fma(y, b0);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + row, LE);
            a1 = a.fma(y, a1);
            b1 = b.fma(y, b1);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 2 * row, LE);
            a2 = a.fma(y, a2);
            b2 = b.fma(y, b2);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 3 * row, LE);
            a3 = a.fma(y, a3);
            b3 = b.fma(y, b3);
        }
        if (ordered) {
            Memory.putF32(out0, Lanes.sum(a0));
            Memory.putF32(out0 + 4, Lanes.sum(a1));
            Memory.putF32(out0 + 8, Lanes.sum(a2));
            Memory.putF32(out0 + 12, Lanes.sum(a3));
            Memory.putF32(out1, Lanes.sum(b0));
            Memory.putF32(out1 + 4, Lanes.sum(b1));
            Memory.putF32(out1 + 8, Lanes.sum(b2));
            Memory.putF32(out1 + 12, Lanes.sum(b3));
            return;
        }
        Memory.putF32(out0, a0.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out0 + 4, a1.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out0 + 8, a2.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out0 + 12, a3.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out1, b0.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out1 + 4, b1.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out1 + 8, b2.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out1 + 12, b3.reduceLanes(VectorOperators.ADD));
    }

    /** {@code sums[lane] = sums[lane] * correction[lane] + sum over keys of weights[key, lane] * tile[key]}. */
    static void addValues(
            long sums, long correction, float[] tile, int keys, long weights, int width, int lanes, int headDim) {
        for (int lane = 0; lane < lanes; lane += LANES_AT_ONCE) {
            long to = sums + 4L * headDim * lane;
            for (int i = 0; i < headDim; i += 2 * Lanes.COUNT) {
                addTwoByFour(to + 4L * i, correction + 4L * lane, tile, i, keys, weights + 4L * lane, width, headDim);
            }
        }
    }

    /** Two vectors' columns of four rows of sums. */
    private static void addTwoByFour(
            long out, long correction, float[] tile, int col, int keys, long weights, int width, int headDim) {
        int step = Lanes.one();
        FloatVector a0 = FloatVector.zero(Lanes.F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        for (int key = 0; key < keys; key += step) {
            FloatVector a = FloatVector.fromArray(Lanes.F, tile, key * headDim + col);
            FloatVector b = FloatVector.fromArray(Lanes.F, tile, key * headDim + col + Lanes.COUNT);
            long at = weights + 4L * width * key;
            FloatVector w = FloatVector.broadcast(Lanes.F, ALL.get(F32, at));
            a0 = a.fma(w, a0);
            b0 = b.fma(w, b0);
            w = FloatVector.broadcast(Lanes.F, ALL.get(F32, at + 4));
            a1 = a.fma(w, a1);
            b1 = b.fma(w, b1);
            w = FloatVector.broadcast(Lanes.F, ALL.get(F32, at + 8));
            a2 = a.fma(w, a2);
            b2 = b.fma(w, b2);
            w = FloatVector.broadcast(Lanes.F, ALL.get(F32, at + 12));
            a3 = a.fma(w, a3);
            b3 = b.fma(w, b3);
        }
        long row = 4L * headDim;
        FloatVector c = FloatVector.broadcast(Lanes.F, ALL.get(F32, correction));
        FloatVector.fromMemorySegment(Lanes.F, ALL, out, LE).fma(c, a0).intoMemorySegment(ALL, out, LE);
        FloatVector.fromMemorySegment(Lanes.F, ALL, out + V, LE).fma(c, b0).intoMemorySegment(ALL, out + V, LE);
        c = FloatVector.broadcast(Lanes.F, ALL.get(F32, correction + 4));
        long to = out + row;
        FloatVector.fromMemorySegment(Lanes.F, ALL, to, LE).fma(c, a1).intoMemorySegment(ALL, to, LE);
        FloatVector.fromMemorySegment(Lanes.F, ALL, to + V, LE).fma(c, b1).intoMemorySegment(ALL, to + V, LE);
        c = FloatVector.broadcast(Lanes.F, ALL.get(F32, correction + 8));
        to += row;
        FloatVector.fromMemorySegment(Lanes.F, ALL, to, LE).fma(c, a2).intoMemorySegment(ALL, to, LE);
        FloatVector.fromMemorySegment(Lanes.F, ALL, to + V, LE).fma(c, b2).intoMemorySegment(ALL, to + V, LE);
        c = FloatVector.broadcast(Lanes.F, ALL.get(F32, correction + 12));
        to += row;
        FloatVector.fromMemorySegment(Lanes.F, ALL, to, LE).fma(c, a3).intoMemorySegment(ALL, to, LE);
        FloatVector.fromMemorySegment(Lanes.F, ALL, to + V, LE).fma(c, b3).intoMemorySegment(ALL, to + V, LE);
    }

    /** {@code sums[lane] = sums[lane] * factor[lane] + addends[lane] * weight[lane]}. */
    static void addScaled(long sums, long factor, long addends, long weight, int lanes, int headDim) {
        for (int lane = 0; lane < lanes; lane++) {
            FloatVector f = FloatVector.broadcast(Lanes.F, ALL.get(F32, factor + 4L * lane));
            FloatVector w = FloatVector.broadcast(Lanes.F, ALL.get(F32, weight + 4L * lane));
            long row = 4L * headDim * lane;
            for (long at = row; at < row + 4L * headDim; at += V) {
                FloatVector scaled = FloatVector.fromMemorySegment(Lanes.F, ALL, addends + at, LE)
                        .mul(w);
                FloatVector.fromMemorySegment(Lanes.F, ALL, sums + at, LE)
                        .fma(f, scaled)
                        .intoMemorySegment(ALL, sums + at, LE);
            }
        }
    }
}
