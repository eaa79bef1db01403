package dev.jemma.kernels;

import org.jspecify.annotations.Nullable;

/**
 * What the arguments of an op are held against: the step, the stream's limits and each other. Every failure reads
 * <i>op: what: expected X, got Y</i>. Looks at host-side facts alone and allocates only to fail.
 */
final class OpCheck {
    private final StepLimits limits;
    private final Step step;
    private String op = "";

    /** @param step the step being encoded, refilled for each one */
    OpCheck(StepLimits limits, Step step) {
        this.limits = limits;
        this.step = step;
    }

    /** Starts the checks of an op: the name that failures carry. */
    void op(String name) {
        op = name;
    }

    IllegalArgumentException failure(String what, Object expected, Object actual) {
        return new IllegalArgumentException(op + ": " + what + ": expected " + expected + ", got " + actual);
    }

    void equal(String what, long expected, long actual) {
        if (expected != actual) {
            throw failure(what, expected, actual);
        }
    }

    void atMost(String what, long limit, long actual) {
        if (actual > limit) {
            throw failure(what, "at most " + limit, actual);
        }
    }

    void multiple(String what, int divisor, int actual) {
        if (actual % divisor != 0) {
            throw failure(what, "a multiple of " + divisor, actual);
        }
    }

    void inRange(String what, int actual, int end) {
        if (actual < 0 || actual >= end) {
            throw failure(what, "0 to " + (end - 1), actual);
        }
    }

    void finite(String what, float actual) {
        if (!Float.isFinite(actual)) {
            throw failure(what, "a finite number", actual);
        }
    }

    void positive(String what, float actual) {
        if (!(actual > 0) || !Float.isFinite(actual)) {
            throw failure(what, "a positive number", actual);
        }
    }

    void notNegative(String what, float actual) {
        if (!(actual >= 0) || !Float.isFinite(actual)) {
            throw failure(what, "0 or a positive number", actual);
        }
    }

    /** An F32 activation within the stream's limits whose memory holds the step's rows. */
    void f32(String name, Tensor x) {
        tensor(name, x, DType.F32);
        atMost(name, " columns", widest(x.rows()), x.cols());
    }

    /** An F32 activation of {@code cols} columns. */
    void f32(String name, Tensor x, int cols) {
        f32(name, x);
        equal(name, " columns", cols, x.cols());
    }

    void i32(String name, Tensor x, int cols) {
        tensor(name, x, DType.I32);
        equal(name, " columns", cols, x.cols());
    }

    void logits(Tensor logits) {
        f32("logits", logits);
        atMost("logits", " columns", limits.vocabSize(), logits.cols());
    }

    /** Only output rows become logits, whose width is not bounded by that of the other activations. */
    private int widest(RowSet rows) {
        return rows == RowSet.ALL ? limits.maxCols() : Math.max(limits.maxCols(), limits.vocabSize());
    }

    private void tensor(String name, Tensor x, DType dtype) {
        if (x.dtype() != dtype) {
            throw failure(describe(name, x) + " type", dtype, x.dtype());
        }
        long span = x.byteSpan(step.count(x.rows()));
        if (span > x.at().remaining()) {
            throw failure(
                    describe(name, x) + " memory of " + step.count(x.rows()) + " rows",
                    span + " bytes",
                    x.at().remaining());
        }
    }

    private static String describe(String name, Tensor x) {
        return name + " '" + x.at().buffer().label() + "'";
    }

    private void equal(String name, String what, long expected, long actual) {
        if (expected != actual) {
            throw failure(name + what, expected, actual);
        }
    }

    private void atMost(String name, String what, long limit, long actual) {
        if (actual > limit) {
            throw failure(name + what, "at most " + limit, actual);
        }
    }

    void rowSet(String name, Tensor x, RowSet rows) {
        if (x.rows() != rows) {
            throw failure(describe(name, x) + " rows", rows, x.rows());
        }
    }

    void sameRows(String name, Tensor x, Tensor other) {
        rowSet(name, x, other.rows());
    }

    /** {@code x} is F32 and has the rows and columns of {@code shape}. */
    void like(String name, Tensor x, Tensor shape) {
        f32(name, x, shape.cols());
        sameRows(name, x, shape);
    }

    void disjoint(String outName, Tensor out, String inName, Tensor in) {
        if (overlap(out, in)) {
            throw failure(describe(outName, out), "memory apart from " + describe(inName, in), "an overlap");
        }
    }

    /** {@code out} is {@code in}, element by element, or shares nothing with it. */
    void sameOrDisjoint(String outName, Tensor out, String inName, Tensor in) {
        boolean same = out.at().buffer().equals(in.at().buffer())
                && out.at().byteOffset() == in.at().byteOffset()
                && out.rowStride() == in.rowStride();
        if (!same) {
            disjoint(outName, out, inName, in);
        }
    }

    /** Slices of the same wide rows lie in each other's byte range without sharing an element. */
    private boolean overlap(Tensor a, Tensor b) {
        if (!a.at().buffer().equals(b.at().buffer())) {
            return false;
        }
        long distance = b.at().byteOffset() - a.at().byteOffset();
        if (distance >= a.byteSpan(step.count(a.rows())) || -distance >= b.byteSpan(step.count(b.rows()))) {
            return false;
        }
        long aWidth = a.dtype().bytes(a.cols());
        long bWidth = b.dtype().bytes(b.cols());
        long stride = a.dtype().bytes(a.rowStride());
        if (stride != b.dtype().bytes(b.rowStride())) {
            return true;
        }
        long shift = Math.floorMod(distance, stride);
        return shift < aWidth || shift + bWidth > stride;
    }

    /** {@code out} shares no byte with {@code byteSize} bytes that the op reads elsewhere. */
    void apart(String outName, Tensor out, String inName, Region in, long byteSize) {
        long distance = in.byteOffset() - out.at().byteOffset();
        if (out.at().buffer().equals(in.buffer())
                && distance < out.byteSpan(step.count(out.rows()))
                && -distance < byteSize) {
            throw failure(describe(outName, out), "memory apart from the " + inName, "an overlap");
        }
    }

    /** {@code x} has the type and columns of {@code out}, and its rows or, for OUTPUT rows, all rows. */
    void copyable(Tensor out, Tensor x) {
        tensor("out", out, out.dtype());
        tensor("x", x, out.dtype());
        atMost("out", " columns", widest(out.rows()), out.cols());
        equal("x", " columns", out.cols(), x.cols());
        if (out.rows() == RowSet.ALL) {
            sameRows("x", x, out);
        }
        disjoint("out", out, "x", x);
    }

    void norm(Tensor x, Norm norm) {
        multiple("columns to norm", norm.size(), x.cols());
    }

    void factorsApart(String outName, Tensor out, Norm norm) {
        VectorF32 factors = norm.factors();
        if (factors != null) {
            apart(outName, out, "norm factors", factors.at(), DType.F32.bytes(factors.length()));
        }
    }

    /** A norm over single heads. */
    void headNorm(String what, @Nullable Norm norm, int headDim) {
        if (norm != null) {
            equal(what, headDim, norm.size());
        }
    }

    /** {@code out = x w^T} with outputs and inputs of matching width. */
    void projection(String outName, Tensor out, Tensor x, Weight w) {
        f32(outName, out, w.rows());
        f32("x", x, w.cols());
        sameRows("x", x, out);
        disjoint(outName, out, "x", x);
        weightApart(outName, out, w);
    }

    void weightApart(String outName, Tensor out, Weight w) {
        switch (w) {
            case DenseWeight dense -> apart(outName, out, "weight", dense.at(), dense.byteSize());
            case AffineWeight affine ->
                apart(outName, out, "weight", affine.codes(), affine.rows() * affine.codeRowBytes());
        }
    }

    void qkvApart(Qkv qkv) {
        disjoint("q", qkv.q(), "k", qkv.k());
        disjoint("q", qkv.q(), "v", qkv.v());
        disjoint("k", qkv.k(), "v", qkv.v());
    }

    /** Rotations and what they rotate: whole heads of an even size. */
    void rotations(Tensor rotations, Tensor x) {
        f32("rotations", rotations);
        sameRows("rotations", rotations, x);
        multiple("head size", 2, rotations.cols());
        multiple("columns to rotate", rotations.cols(), x.cols());
        disjoint("x", x, "rotations", rotations);
    }

    /** {@code q} holds whole heads, each group of which shares a head of the cache. */
    void queries(Tensor q, int headDim, int numKvHeads) {
        f32("q", q);
        multiple("q columns", headDim, q.cols());
        int numHeads = q.cols() / headDim;
        multiple("query heads", numKvHeads, numHeads);
        atMost("query heads", limits.maxHeads(), numHeads);
        atMost("q columns", limits.maxAttentionCols(), q.cols());
    }

    /**
     * The step's spans fit in the cache: in a ring, storing the last key of a span must not overwrite one that its
     * first query still sees.
     */
    void cache(KvView kv, RowSet set) {
        RowTable rows = step.rows(set);
        for (int span = 0; span < rows.numSpans(); span++) {
            int first = rows.spanStart(span);
            int length = rows.spanLength(span);
            inRange("slot", rows.slot(first), kv.slots());
            int last = rows.position(first) + length - 1;
            if (last < kv.capacity()) {
                continue;
            }
            if (!kv.isRing()) {
                throw failure("position", "less than the capacity " + kv.capacity(), last);
            }
            if (kv.capacity() < kv.window() + length - 1) {
                throw failure(
                        "ring capacity", "at least window + span - 1 = " + (kv.window() + length - 1), kv.capacity());
            }
        }
    }

    void cacheApart(String outName, Tensor out, KvView kv) {
        long bytes = kv.dtype().bytes((long) kv.slots() * kv.numKvHeads() * kv.capacity() * kv.headDim());
        apart(outName, out, "keys", kv.keys(), bytes);
        apart(outName, out, "values", kv.values(), bytes);
    }

    /** Routing of the rows of {@code x} to at most {@code numExperts} experts. */
    void routing(Routing routing, Tensor x, int numExperts) {
        atMost("experts per row", numExperts, routing.topK());
        i32("routing ids", routing.ids(), routing.topK());
        f32("routing weights", routing.weights(), routing.topK());
        sameRows("routing ids", routing.ids(), x);
        sameRows("routing weights", routing.weights(), x);
        disjoint("routing ids", routing.ids(), "routing weights", routing.weights());
    }

    void routingApart(String outName, Tensor out, Routing routing) {
        disjoint(outName, out, "routing ids", routing.ids());
        disjoint(outName, out, "routing weights", routing.weights());
    }

    /** Every token of the step that is known on the host is a row of {@code table}. */
    void knownTokens(Weight table) {
        for (int row = 0; row < step.count(RowSet.ALL); row++) {
            if (step.token(row) >= table.rows()) {
                throw failure("token of row " + row, "less than " + table.rows(), step.token(row));
            }
        }
    }

    /** Tokens that stand for the preceding step's results point into {@code sampled}. */
    void sampledTokens(Tensor sampled) {
        for (int row = 0; row < step.count(RowSet.ALL); row++) {
            int result = -1 - step.token(row);
            if (result >= 0
                    && (result >= limits.maxOutputRows()
                            || sampled.byteSpan(result + 1) > sampled.at().remaining())) {
                throw failure("token of row " + row, "a result of the preceding step", "result " + result);
            }
        }
    }
}
