package dev.jemma.kernels;

import org.jspecify.annotations.Nullable;

/**
 * Validates shapes, types, row sets, memory and aliasing once, for every backend, then hands the op on as it came.
 * Errors are the caller's bugs. Allocates nothing on success.
 */
final class CheckedCommands implements Commands {
    private final OpCheck check;
    private @Nullable Commands commands;
    private @Nullable Tensor tokenIds;

    CheckedCommands(OpCheck check) {
        this.check = check;
    }

    void begin(Commands next) {
        commands = next;
        tokenIds = null;
    }

    void end() {
        commands = null;
    }

    /** The backend's commands, and the start of the checks of {@code op}. */
    private Commands checking(String op) {
        if (commands == null) {
            throw new IllegalStateException(op + ": no step was begun");
        }
        check.op(op);
        return commands;
    }

    @Override
    public void tokens(Tensor ids, Tensor sampled) {
        Commands next = checking("tokens");
        check.i32("ids", ids, 1);
        check.i32("sampled", sampled, 1);
        check.rowSet("ids", ids, RowSet.ALL);
        check.rowSet("sampled", sampled, RowSet.OUTPUT);
        check.disjoint("ids", ids, "sampled", sampled);
        check.sampledTokens(sampled);
        tokenIds = ids;
        next.tokens(ids, sampled);
    }

    @Override
    public void embed(Tensor out, Tensor ids, Weight table, float scale) {
        Commands next = checking("embed");
        check.f32("out", out, table.cols());
        check.i32("ids", ids, 1);
        check.sameRows("ids", ids, out);
        check.disjoint("out", out, "ids", ids);
        check.weightApart("out", out, table);
        check.finite("scale", scale);
        if (ids.equals(tokenIds)) {
            check.knownTokens(table);
        }
        next.embed(out, ids, table, scale);
    }

    @Override
    public void rotations(Tensor out, Rope rope) {
        Commands next = checking("rotations");
        check.f32("out", out, rope.headDim());
        VectorF32 frequencies = rope.inverseFrequencies();
        check.apart("out", out, "frequencies", frequencies.at(), DType.F32.bytes(frequencies.length()));
        next.rotations(out, rope);
    }

    @Override
    public void copy(Tensor out, Tensor x) {
        Commands next = checking("copy");
        check.copyable(out, x);
        next.copy(out, x);
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b, float scale) {
        Commands next = checking("add");
        check.f32("out", out);
        check.like("a", a, out);
        check.like("b", b, out);
        check.sameOrDisjoint("out", out, "a", a);
        check.sameOrDisjoint("out", out, "b", b);
        check.finite("scale", scale);
        next.add(out, a, b, scale);
    }

    @Override
    public void scale(Tensor x, float factor) {
        Commands next = checking("scale");
        check.f32("x", x);
        check.finite("factor", factor);
        next.scale(x, factor);
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Norm norm) {
        Commands next = checking("rmsNorm");
        check.f32("out", out);
        check.like("x", x, out);
        check.norm(x, norm);
        check.sameOrDisjoint("out", out, "x", x);
        check.factorsApart("out", out, norm);
        next.rmsNorm(out, x, norm);
    }

    @Override
    public void geglu(Tensor out, Tensor gate, Tensor up) {
        Commands next = checking("geglu");
        check.f32("out", out);
        check.like("gate", gate, out);
        check.like("up", up, out);
        check.sameOrDisjoint("out", out, "gate", gate);
        check.sameOrDisjoint("out", out, "up", up);
        next.geglu(out, gate, up);
    }

    @Override
    public void softcap(Tensor x, float cap) {
        Commands next = checking("softcap");
        check.f32("x", x);
        check.positive("cap", cap);
        next.softcap(x, cap);
    }

    @Override
    public void matmul(Tensor out, Tensor x, Weight w) {
        Commands next = checking("matmul");
        check.projection("out", out, x, w);
        next.matmul(out, x, w);
    }

    @Override
    public void logits(Tensor out, Tensor x, Weight w, float softcap) {
        Commands next = checking("logits");
        check.projection("out", out, x, w);
        check.notNegative("softcap", softcap);
        next.logits(out, x, w, softcap);
    }

    @Override
    public void rope(Tensor x, Tensor rotations) {
        Commands next = checking("rope");
        check.f32("x", x);
        check.rotations(rotations, x);
        next.rope(x, rotations);
    }

    @Override
    public void storeKv(KvView kv, Tensor k, Tensor v) {
        Commands next = checking("storeKv");
        check.f32("k", k, kv.numKvHeads() * kv.headDim());
        check.like("v", v, k);
        check.cache(kv, k.rows());
        check.cacheApart("k", k, kv);
        check.cacheApart("v", v, kv);
        next.storeKv(kv, k, v);
    }

    @Override
    public void attention(Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        Commands next = checking("attention");
        check.queries(q, kv.headDim(), kv.numKvHeads());
        check.like("out", out, q);
        check.disjoint("out", out, "q", q);
        check.cacheApart("out", out, kv);
        check.cache(kv, RowSet.ALL);
        check.positive("scale", scale);
        check.notNegative("softcap", softcap);
        next.attention(out, q, kv, scale, softcap);
    }

    @Override
    public void route(Routing routing, Tensor logits, VectorF32 expertScale) {
        Commands next = checking("route");
        check.f32("logits", logits, expertScale.length());
        check.routing(routing, logits, expertScale.length());
        check.disjoint("routing ids", routing.ids(), "logits", logits);
        check.disjoint("routing weights", routing.weights(), "logits", logits);
        next.route(routing, logits, expertScale);
    }

    @Override
    public void expertGeglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        Commands next = checking("expertGeglu");
        check.equal("experts of up", gate.numExperts(), up.numExperts());
        check.equal("rows of up", gate.rows(), up.rows());
        check.equal("columns of up", gate.cols(), up.cols());
        check.f32("x", x, gate.cols());
        check.f32("out", out, Math.multiplyExact(routing.topK(), gate.rows()));
        check.sameRows("x", x, out);
        check.routing(routing, x, gate.numExperts());
        check.disjoint("out", out, "x", x);
        check.routingApart("out", out, routing);
        check.weightApart("out", out, gate.stack());
        check.weightApart("out", out, up.stack());
        next.expertGeglu(out, x, gate, up, routing);
    }

    @Override
    public void expertDown(Tensor out, Tensor h, ExpertWeight down, Routing routing) {
        Commands next = checking("expertDown");
        check.f32("out", out, down.rows());
        check.f32("h", h, Math.multiplyExact(routing.topK(), down.cols()));
        check.sameRows("h", h, out);
        check.routing(routing, h, down.numExperts());
        check.disjoint("out", out, "h", h);
        check.routingApart("out", out, routing);
        check.weightApart("out", out, down.stack());
        next.expertDown(out, h, down, routing);
    }

    @Override
    public void suppress(Tensor logits, Region ids, int count) {
        Commands next = checking("suppress");
        check.logits(logits);
        check.inRange("count", count, logits.cols() + 1);
        check.atMost("bytes of ids", ids.remaining(), DType.I32.bytes(count));
        check.apart("logits", logits, "ids", ids, DType.I32.bytes(count));
        next.suppress(logits, ids, count);
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        Commands next = checking("argmax");
        check.logits(logits);
        check.i32("ids", ids, 1);
        check.sameRows("ids", ids, logits);
        check.disjoint("ids", ids, "logits", logits);
        next.argmax(ids, logits);
    }

    @Override
    public void topK(Tensor ids, Tensor values, Tensor logits) {
        Commands next = checking("topK");
        check.logits(logits);
        check.atMost("k", logits.cols(), ids.cols());
        check.i32("ids", ids, ids.cols());
        check.f32("values", values, ids.cols());
        check.sameRows("ids", ids, logits);
        check.sameRows("values", values, logits);
        check.disjoint("ids", ids, "logits", logits);
        check.disjoint("values", values, "logits", logits);
        check.disjoint("ids", ids, "values", values);
        next.topK(ids, values, logits);
    }

    @Override
    public void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {
        Commands next = checking("copySlot");
        check.inRange("source slot", fromSlot, kv.slots());
        check.inRange("target slot", toSlot, kv.slots());
        check.inRange("rows", rows, kv.capacity() + 1);
        if (fromSlot == toSlot) {
            throw check.failure("target slot", "another than the source", toSlot);
        }
        next.copySlot(kv, fromSlot, toSlot, rows);
    }

    @Override
    public void projectQkv(Qkv out, Tensor x, QkvWeight w) {
        Commands next = checking("projectQkv");
        check.projection("q", out.q(), x, w.q());
        check.projection("k", out.k(), x, w.k());
        Weight values = w.v();
        if ((values == null) != out.valuesFromKeys()) {
            throw check.failure(
                    "value projection", out.valuesFromKeys() ? "none" : "one", values == null ? "none" : "one");
        }
        if (values != null) {
            check.projection("v", out.v(), x, values);
        }
        check.qkvApart(out);
        next.projectQkv(out, x, w);
    }

    @Override
    public void headNormRope(Tensor q, HeadNorms norms, Tensor rotations) {
        Commands next = checking("headNormRope");
        check.f32("q", q);
        check.rotations(rotations, q);
        check.headNorm("size of the query norm", norms.q(), rotations.cols());
        next.headNormRope(q, norms, rotations);
    }

    @Override
    public void headNormRopeStore(Qkv qkv, HeadNorms norms, Tensor rotations, KvView kv) {
        Commands next = checking("headNormRopeStore");
        int headDim = kv.headDim();
        check.queries(qkv.q(), headDim, kv.numKvHeads());
        check.f32("k", qkv.k(), kv.numKvHeads() * headDim);
        check.like("v", qkv.v(), qkv.k());
        check.sameRows("k", qkv.k(), qkv.q());
        check.qkvApart(qkv);
        check.rotations(rotations, qkv.q());
        check.rotations(rotations, qkv.k());
        check.equal("rotation columns", headDim, rotations.cols());
        check.headNorm("size of the query norm", norms.q(), headDim);
        check.headNorm("size of the key norm", norms.k(), headDim);
        check.headNorm("size of the value norm", norms.v(), headDim);
        check.cache(kv, qkv.k().rows());
        check.cacheApart("q", qkv.q(), kv);
        check.cacheApart("k", qkv.k(), kv);
        check.cacheApart("v", qkv.v(), kv);
        next.headNormRopeStore(qkv, norms, rotations, kv);
    }

    @Override
    public void gatedMatmul(Tensor out, Tensor x, Weight gate, Tensor up) {
        Commands next = checking("gatedMatmul");
        check.projection("out", out, x, gate);
        check.like("up", up, out);
        check.disjoint("out", out, "up", up);
        next.gatedMatmul(out, x, gate, up);
    }

    @Override
    public void gateUpGeglu(Tensor out, Tensor x, Weight gate, Weight up, Tensor scratch) {
        Commands next = checking("gateUpGeglu");
        check.projection("out", out, x, gate);
        check.projection("scratch", scratch, x, up);
        check.like("scratch", scratch, out);
        check.disjoint("out", out, "scratch", scratch);
        next.gateUpGeglu(out, x, gate, up, scratch);
    }

    @Override
    public void addNorm(Tensor x, Tensor y, Norm norm, float scale) {
        Commands next = checking("addNorm");
        checkAddNorm(x, y, norm, scale);
        next.addNorm(x, y, norm, scale);
    }

    @Override
    public void addNormNorm(Tensor out, Tensor x, Tensor y, Norm post, float scale, Norm pre) {
        Commands next = checking("addNormNorm");
        checkAddNorm(x, y, post, scale);
        check.like("out", out, x);
        check.norm(x, pre);
        check.disjoint("out", out, "x", x);
        check.disjoint("out", out, "y", y);
        check.factorsApart("out", out, pre);
        next.addNormNorm(out, x, y, post, scale, pre);
    }

    private void checkAddNorm(Tensor x, Tensor y, Norm norm, float scale) {
        check.f32("x", x);
        check.like("y", y, x);
        check.norm(x, norm);
        check.disjoint("x", x, "y", y);
        check.factorsApart("x", x, norm);
        check.finite("scale", scale);
    }
}
