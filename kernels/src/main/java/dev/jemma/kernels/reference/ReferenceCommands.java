package dev.jemma.kernels.reference;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;

/** Every op by its formula, on the rows of the step that was begun. Fused ops are what their default bodies say. */
public final class ReferenceCommands implements Commands {
    private final Step step;

    /** @param step the current step, refilled by the stream for each one */
    public ReferenceCommands(Step step) {
        this.step = step;
    }

    private int count(Tensor tensor) {
        return step.count(tensor.rows());
    }

    @Override
    public void tokens(Tensor ids, Tensor sampled) {
        RowOps.tokens(step, ids, sampled);
    }

    @Override
    public void embed(Tensor out, Tensor ids, Weight table, float scale) {
        RowOps.embed(count(out), out, ids, table, scale);
    }

    @Override
    public void rotations(Tensor out, Rope rope) {
        RowOps.rotations(step.rows(out.rows()), out, rope);
    }

    @Override
    public void copy(Tensor out, Tensor x) {
        RowOps.copy(step, out, x);
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b, float scale) {
        RowOps.add(count(out), out, a, b, scale);
    }

    @Override
    public void scale(Tensor x, float factor) {
        RowOps.scale(count(x), x, factor);
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Norm norm) {
        RowOps.rmsNorm(count(out), out, x, norm);
    }

    @Override
    public void geglu(Tensor out, Tensor gate, Tensor up) {
        RowOps.geglu(count(out), out, gate, up);
    }

    @Override
    public void softcap(Tensor x, float cap) {
        RowOps.softcap(count(x), x, cap);
    }

    @Override
    public void matmul(Tensor out, Tensor x, Weight w) {
        RowOps.matmul(count(out), out, x, w);
    }

    @Override
    public void rope(Tensor x, Tensor rotations) {
        AttentionOps.rope(count(x), x, rotations);
    }

    @Override
    public void storeKv(KvView kv, Tensor k, Tensor v) {
        AttentionOps.storeKv(step.rows(k.rows()), kv, k, v);
    }

    @Override
    public void attention(Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        AttentionOps.attention(step.rows(q.rows()), out, q, kv, scale, softcap);
    }

    @Override
    public void route(Routing routing, Tensor logits, VectorF32 expertScale) {
        ExpertOps.route(count(logits), routing, logits, expertScale);
    }

    @Override
    public void expertGeglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        ExpertOps.expertGeglu(count(out), out, x, gate, up, routing);
    }

    @Override
    public void expertDown(Tensor out, Tensor h, ExpertWeight down, Routing routing) {
        ExpertOps.expertDown(count(out), out, h, down, routing);
    }

    @Override
    public void suppress(Tensor logits, Region ids, int count) {
        ResultOps.suppress(count(logits), logits, ids, count);
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        ResultOps.argmax(count(ids), ids, logits);
    }

    @Override
    public void topK(Tensor ids, Tensor values, Tensor logits) {
        ResultOps.topK(count(ids), ids, values, logits);
    }

    @Override
    public void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {
        AttentionOps.copySlot(kv, fromSlot, toSlot, rows);
    }
}
