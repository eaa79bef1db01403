package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.FloatVector;

/**
 * The innermost part of every matrix product: {@code c[r, j] = sum_k a[r, k] b[k, j]} for six rows r and one, two or
 * four vectors of columns j. Each element of a is broadcast against whole vectors of b, so that no sum crosses lanes.
 *
 * <p>Sizes: two FMAs a cycle of four cycles' latency want at least 8 sums in flight; six rows times four vectors are 24
 * of the 32 registers of AVX-512 and NEON and need 10 loads for 24 FMAs. Machines with 16 registers (256 bits) use two
 * vectors. Measured at 512 bits: 93 % of the FMA peak with four vectors, 75 % with two, 53 % with one; 4 rows by 4
 * vectors 88 %, 12 by 2 78 %.
 *
 * <p>The methods are long because C2 keeps vectors in registers only as local variables. They start from zero and leave
 * adding to others: with 24 more loads at their start C1 gave up on the widest ("out of virtual registers"), which HotSpot
 * then never compiles at all under tiered compilation, and C2 boxed its vectors in some runs.
 */
final class Tiles {
    /** Rows of every tile. Callers round their memory up to it; surplus rows are computed and ignored. */
    static final int ROWS = 6;

    /** Most vectors of columns. */
    static final int MAX_VECTORS = Lanes.COUNT == 8 ? 2 : 4;

    private static final int V = Lanes.BYTES;

    private Tiles() {}

    /** Vectors of the tile that the next {@code columns} columns should use. */
    static int vectors(int columns) {
        if (columns > 2 * Lanes.COUNT) {
            return MAX_VECTORS;
        }
        return columns > Lanes.COUNT ? 2 : 1;
    }

    /** {@code rows} rounded up to whole tiles. */
    static int wholeRows(int rows) {
        return Math.ceilDiv(rows, ROWS) * ROWS;
    }

    /**
     * The product of {@code wholeRows(rows)} rows. Steps are in bytes.
     *
     * @param a element (r, k) at {@code a + r * rowStep + k * step}
     * @param b {@code [depth, vectors * Lanes.COUNT]}, dense
     * @param c row r at {@code c + r * cStep}
     */
    static void product(int vectors, int rows, long a, long rowStep, long step, long b, long c, long cStep, int depth) {
        for (int row = 0; row < rows; row += ROWS) {
            long from = a + row * rowStep;
            long to = c + row * cStep;
            switch (vectors) {
                case 1 -> sixByOne(from, rowStep, step, b, to, cStep, depth);
                case 2 -> sixByTwo(from, rowStep, step, b, to, cStep, depth);
                default -> sixByFour(from, rowStep, step, b, to, cStep, depth);
            }
        }
    }

    private static void sixByOne(long a, long rowStep, long step, long b, long c, long cStep, int depth) {
        int next = Lanes.one();
        FloatVector a0 = FloatVector.zero(Lanes.F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector a4 = a0;
        FloatVector a5 = a0;
        for (int k = 0; k < depth; k += next) {
            long at = a + k * step;
            long x = b + (long) k * V;
            FloatVector xa = FloatVector.fromMemorySegment(Lanes.F, ALL, x, LE);
            FloatVector w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at));
            a0 = w.fma(xa, a0);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + rowStep));
            a1 = w.fma(xa, a1);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 2 * rowStep));
            a2 = w.fma(xa, a2);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 3 * rowStep));
            a3 = w.fma(xa, a3);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 4 * rowStep));
            a4 = w.fma(xa, a4);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 5 * rowStep));
            a5 = w.fma(xa, a5);
        }
        a0.intoMemorySegment(ALL, c, LE);
        a1.intoMemorySegment(ALL, c + cStep, LE);
        a2.intoMemorySegment(ALL, c + 2 * cStep, LE);
        a3.intoMemorySegment(ALL, c + 3 * cStep, LE);
        a4.intoMemorySegment(ALL, c + 4 * cStep, LE);
        a5.intoMemorySegment(ALL, c + 5 * cStep, LE);
    }

    private static void sixByTwo(long a, long rowStep, long step, long b, long c, long cStep, int depth) {
        int next = Lanes.one();
        FloatVector a0 = FloatVector.zero(Lanes.F);
        FloatVector b0 = a0;
        FloatVector a1 = a0;
        FloatVector b1 = a0;
        FloatVector a2 = a0;
        FloatVector b2 = a0;
        FloatVector a3 = a0;
        FloatVector b3 = a0;
        FloatVector a4 = a0;
        FloatVector b4 = a0;
        FloatVector a5 = a0;
        FloatVector b5 = a0;
        for (int k = 0; k < depth; k += next) {
            long at = a + k * step;
            long x = b + (long) k * 2L * V;
            FloatVector xa = FloatVector.fromMemorySegment(Lanes.F, ALL, x, LE);
            FloatVector xb = FloatVector.fromMemorySegment(Lanes.F, ALL, x + V, LE);
            FloatVector w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at));
            a0 = w.fma(xa, a0);
            b0 = w.fma(xb, b0);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + rowStep));
            a1 = w.fma(xa, a1);
            b1 = w.fma(xb, b1);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 2 * rowStep));
            a2 = w.fma(xa, a2);
            b2 = w.fma(xb, b2);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 3 * rowStep));
            a3 = w.fma(xa, a3);
            b3 = w.fma(xb, b3);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 4 * rowStep));
            a4 = w.fma(xa, a4);
            b4 = w.fma(xb, b4);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 5 * rowStep));
            a5 = w.fma(xa, a5);
            b5 = w.fma(xb, b5);
        }
        a0.intoMemorySegment(ALL, c, LE);
        b0.intoMemorySegment(ALL, c + V, LE);
        a1.intoMemorySegment(ALL, c + cStep, LE);
        b1.intoMemorySegment(ALL, c + cStep + V, LE);
        a2.intoMemorySegment(ALL, c + 2 * cStep, LE);
        b2.intoMemorySegment(ALL, c + 2 * cStep + V, LE);
        a3.intoMemorySegment(ALL, c + 3 * cStep, LE);
        b3.intoMemorySegment(ALL, c + 3 * cStep + V, LE);
        a4.intoMemorySegment(ALL, c + 4 * cStep, LE);
        b4.intoMemorySegment(ALL, c + 4 * cStep + V, LE);
        a5.intoMemorySegment(ALL, c + 5 * cStep, LE);
        b5.intoMemorySegment(ALL, c + 5 * cStep + V, LE);
    }

    private static void sixByFour(long a, long rowStep, long step, long b, long c, long cStep, int depth) {
        int next = Lanes.one();
        FloatVector a0 = FloatVector.zero(Lanes.F);
        FloatVector b0 = a0;
        FloatVector c0 = a0;
        FloatVector d0 = a0;
        FloatVector a1 = a0;
        FloatVector b1 = a0;
        FloatVector c1 = a0;
        FloatVector d1 = a0;
        FloatVector a2 = a0;
        FloatVector b2 = a0;
        FloatVector c2 = a0;
        FloatVector d2 = a0;
        FloatVector a3 = a0;
        FloatVector b3 = a0;
        FloatVector c3 = a0;
        FloatVector d3 = a0;
        FloatVector a4 = a0;
        FloatVector b4 = a0;
        FloatVector c4 = a0;
        FloatVector d4 = a0;
        FloatVector a5 = a0;
        FloatVector b5 = a0;
        FloatVector c5 = a0;
        FloatVector d5 = a0;
        for (int k = 0; k < depth; k += next) {
            long at = a + k * step;
            long x = b + (long) k * 4L * V;
            FloatVector xa = FloatVector.fromMemorySegment(Lanes.F, ALL, x, LE);
            FloatVector xb = FloatVector.fromMemorySegment(Lanes.F, ALL, x + V, LE);
            FloatVector xc = FloatVector.fromMemorySegment(Lanes.F, ALL, x + 2L * V, LE);
            FloatVector xd = FloatVector.fromMemorySegment(Lanes.F, ALL, x + 3L * V, LE);
            FloatVector w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at));
            a0 = w.fma(xa, a0);
            b0 = w.fma(xb, b0);
            c0 = w.fma(xc, c0);
            d0 = w.fma(xd, d0);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + rowStep));
            a1 = w.fma(xa, a1);
            b1 = w.fma(xb, b1);
            c1 = w.fma(xc, c1);
            d1 = w.fma(xd, d1);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 2 * rowStep));
            a2 = w.fma(xa, a2);
            b2 = w.fma(xb, b2);
            c2 = w.fma(xc, c2);
            d2 = w.fma(xd, d2);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 3 * rowStep));
            a3 = w.fma(xa, a3);
            b3 = w.fma(xb, b3);
            c3 = w.fma(xc, c3);
            d3 = w.fma(xd, d3);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 4 * rowStep));
            a4 = w.fma(xa, a4);
            b4 = w.fma(xb, b4);
            c4 = w.fma(xc, c4);
            d4 = w.fma(xd, d4);
            w = FloatVector.broadcast(Lanes.F, ALL.get(Memory.F32, at + 5 * rowStep));
            a5 = w.fma(xa, a5);
            b5 = w.fma(xb, b5);
            c5 = w.fma(xc, c5);
            d5 = w.fma(xd, d5);
        }
        a0.intoMemorySegment(ALL, c, LE);
        b0.intoMemorySegment(ALL, c + V, LE);
        c0.intoMemorySegment(ALL, c + 2L * V, LE);
        d0.intoMemorySegment(ALL, c + 3L * V, LE);
        a1.intoMemorySegment(ALL, c + cStep, LE);
        b1.intoMemorySegment(ALL, c + cStep + V, LE);
        c1.intoMemorySegment(ALL, c + cStep + 2L * V, LE);
        d1.intoMemorySegment(ALL, c + cStep + 3L * V, LE);
        a2.intoMemorySegment(ALL, c + 2 * cStep, LE);
        b2.intoMemorySegment(ALL, c + 2 * cStep + V, LE);
        c2.intoMemorySegment(ALL, c + 2 * cStep + 2L * V, LE);
        d2.intoMemorySegment(ALL, c + 2 * cStep + 3L * V, LE);
        a3.intoMemorySegment(ALL, c + 3 * cStep, LE);
        b3.intoMemorySegment(ALL, c + 3 * cStep + V, LE);
        c3.intoMemorySegment(ALL, c + 3 * cStep + 2L * V, LE);
        d3.intoMemorySegment(ALL, c + 3 * cStep + 3L * V, LE);
        a4.intoMemorySegment(ALL, c + 4 * cStep, LE);
        b4.intoMemorySegment(ALL, c + 4 * cStep + V, LE);
        c4.intoMemorySegment(ALL, c + 4 * cStep + 2L * V, LE);
        d4.intoMemorySegment(ALL, c + 4 * cStep + 3L * V, LE);
        a5.intoMemorySegment(ALL, c + 5 * cStep, LE);
        b5.intoMemorySegment(ALL, c + 5 * cStep + V, LE);
        c5.intoMemorySegment(ALL, c + 5 * cStep + 2L * V, LE);
        d5.intoMemorySegment(ALL, c + 5 * cStep + 3L * V, LE);
    }
}
