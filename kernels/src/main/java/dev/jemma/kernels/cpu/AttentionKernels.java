package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Softmax over keys with a query in each lane: {@code width} lanes, a multiple of the vector's, rows dense. */
final class AttentionKernels {
    /** Score of a key that a query does not see; far enough below {@link #FLOOR} for e^x to be 0. */
    private static final float HIDDEN = -3e38f;

    /** Largest score before any key was seen. */
    private static final float FLOOR = -1e30f;

    private static final int V = Lanes.BYTES;

    private AttentionKernels() {}

    static void start(long max, long total, int width) {
        for (long i = 0; i < 4L * width; i += V) {
            FloatVector.broadcast(Lanes.F, FLOOR).intoMemorySegment(ALL, max + i, LE);
            FloatVector.zero(Lanes.F).intoMemorySegment(ALL, total + i, LE);
        }
    }

    /** Hides the scores of keys {@code firstKey} and on from the queries that do not see them. */
    static void hide(long scores, int keys, int width, int firstKey, long firstVisible, long position) {
        for (int key = 0; key < keys; key++) {
            long row = scores + 4L * width * key;
            float at = firstKey + key;
            for (long i = 0; i < 4L * width; i += V) {
                FloatVector first = FloatVector.fromMemorySegment(Lanes.F, ALL, firstVisible + i, LE);
                FloatVector last = FloatVector.fromMemorySegment(Lanes.F, ALL, position + i, LE);
                VectorMask<Float> hidden =
                        first.compare(VectorOperators.GT, at).or(last.compare(VectorOperators.LT, at));
                FloatVector.fromMemorySegment(Lanes.F, ALL, row + i, LE)
                        .blend(HIDDEN, hidden)
                        .intoMemorySegment(ALL, row + i, LE);
            }
        }
    }

    /** Raises {@code max} to the tile's largest scores, subtracts it from them, and says by how much it rose (as old - new). */
    static void shift(long scores, int keys, int width, long max, long rise) {
        for (long i = 0; i < 4L * width; i += V) {
            FloatVector old = FloatVector.fromMemorySegment(Lanes.F, ALL, max + i, LE);
            FloatVector m = old;
            for (int key = 0; key < keys; key++) {
                m = m.max(FloatVector.fromMemorySegment(Lanes.F, ALL, scores + 4L * width * key + i, LE));
            }
            for (int key = 0; key < keys; key++) {
                long at = scores + 4L * width * key + i;
                FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE).sub(m).intoMemorySegment(ALL, at, LE);
            }
            m.intoMemorySegment(ALL, max + i, LE);
            old.sub(m).intoMemorySegment(ALL, rise + i, LE);
        }
    }

    /** {@code total = total * correction + sum of weights}. */
    static void addWeights(long weights, int keys, int width, long total, long correction) {
        for (long i = 0; i < 4L * width; i += V) {
            FloatVector factor = FloatVector.fromMemorySegment(Lanes.F, ALL, correction + i, LE);
            FloatVector sum =
                    FloatVector.fromMemorySegment(Lanes.F, ALL, total + i, LE).mul(factor);
            for (int key = 0; key < keys; key++) {
                sum = sum.add(FloatVector.fromMemorySegment(Lanes.F, ALL, weights + 4L * width * key + i, LE));
            }
            sum.intoMemorySegment(ALL, total + i, LE);
        }
    }

    /** {@code sums[d] = sums[d] * correction + addend[d]} for {@code rows} rows. */
    static void correctAndAdd(long sums, long addend, int rows, int width, long correction) {
        for (int row = 0; row < rows; row++) {
            long at = 4L * width * row;
            for (long i = at; i < at + 4L * width; i += V) {
                FloatVector factor = FloatVector.fromMemorySegment(Lanes.F, ALL, correction + i - at, LE);
                FloatVector.fromMemorySegment(Lanes.F, ALL, sums + i, LE)
                        .fma(factor, FloatVector.fromMemorySegment(Lanes.F, ALL, addend + i, LE))
                        .intoMemorySegment(ALL, sums + i, LE);
            }
        }
    }

    /** {@code sums[d] = sums[d] * factor + addends[d] * weight} for {@code rows} rows. */
    static void addScaled(long sums, long factor, long addends, long weight, int rows, int width) {
        for (int row = 0; row < rows; row++) {
            long at = 4L * width * row;
            for (long i = 0; i < 4L * width; i += V) {
                FloatVector f = FloatVector.fromMemorySegment(Lanes.F, ALL, factor + i, LE);
                FloatVector w = FloatVector.fromMemorySegment(Lanes.F, ALL, weight + i, LE);
                FloatVector scaled = FloatVector.fromMemorySegment(Lanes.F, ALL, addends + at + i, LE)
                        .mul(w);
                FloatVector.fromMemorySegment(Lanes.F, ALL, sums + at + i, LE)
                        .fma(f, scaled)
                        .intoMemorySegment(ALL, sums + at + i, LE);
            }
        }
    }
}
