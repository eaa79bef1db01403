package dev.jemma.kernels.plan;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import java.util.ArrayList;
import java.util.List;

/** Records ops, fused ones as they came, and runs nothing. */
public final class PlanRecorder implements Commands {
    private final List<Op> ops = new ArrayList<>();

    /** What was recorded since construction or the last {@link #clear}, in order. */
    public List<Op> ops() {
        return List.copyOf(ops);
    }

    public void clear() {
        ops.clear();
    }

    /** One line per op, see {@link PlanText}. */
    public String text() {
        return PlanText.of(ops);
    }

    @Override
    public void tokens(Tensor ids, Tensor sampled) {
        ops.add(new Op.Tokens(ids, sampled));
    }

    @Override
    public void embed(Tensor out, Tensor ids, Weight table, float scale) {
        ops.add(new Op.Embed(out, ids, table, scale));
    }

    @Override
    public void rotations(Tensor out, Rope rope) {
        ops.add(new Op.Rotations(out, rope));
    }

    @Override
    public void copy(Tensor out, Tensor x) {
        ops.add(new Op.Copy(out, x));
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b, float scale) {
        ops.add(new Op.Add(out, a, b, scale));
    }

    @Override
    public void scale(Tensor x, float factor) {
        ops.add(new Op.Scale(x, factor));
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Norm norm) {
        ops.add(new Op.RmsNorm(out, x, norm));
    }

    @Override
    public void geglu(Tensor out, Tensor gate, Tensor up) {
        ops.add(new Op.Geglu(out, gate, up));
    }

    @Override
    public void softcap(Tensor x, float cap) {
        ops.add(new Op.Softcap(x, cap));
    }

    @Override
    public void matmul(Tensor out, Tensor x, Weight w) {
        ops.add(new Op.Matmul(out, x, w));
    }

    @Override
    public void rope(Tensor x, Tensor rotations) {
        ops.add(new Op.Rope(x, rotations));
    }

    @Override
    public void storeKv(KvView kv, Tensor k, Tensor v) {
        ops.add(new Op.StoreKv(kv, k, v));
    }

    @Override
    public void attention(Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        ops.add(new Op.Attention(out, q, kv, scale, softcap));
    }

    @Override
    public void route(Routing routing, Tensor logits, VectorF32 expertScale) {
        ops.add(new Op.Route(routing, logits, expertScale));
    }

    @Override
    public void expertGeglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        ops.add(new Op.ExpertGeglu(out, x, gate, up, routing));
    }

    @Override
    public void expertDown(Tensor out, Tensor h, ExpertWeight down, Routing routing) {
        ops.add(new Op.ExpertDown(out, h, down, routing));
    }

    @Override
    public void suppress(Tensor logits, Region ids, int count) {
        ops.add(new Op.Suppress(logits, ids, count));
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        ops.add(new Op.Argmax(ids, logits));
    }

    @Override
    public void topK(Tensor ids, Tensor values, Tensor logits) {
        ops.add(new Op.TopK(ids, values, logits));
    }

    @Override
    public void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {
        ops.add(new Op.CopySlot(kv, fromSlot, toSlot, rows));
    }

    @Override
    public void projectQkv(Qkv out, Tensor x, QkvWeight w) {
        ops.add(new Op.ProjectQkv(out, x, w));
    }

    @Override
    public void headNormRope(Tensor q, HeadNorms norms, Tensor rotations) {
        ops.add(new Op.HeadNormRope(q, norms, rotations));
    }

    @Override
    public void headNormRopeStore(Qkv qkv, HeadNorms norms, Tensor rotations, KvView kv) {
        ops.add(new Op.HeadNormRopeStore(qkv, norms, rotations, kv));
    }

    @Override
    public void logits(Tensor out, Tensor x, Weight w, float softcap) {
        ops.add(new Op.Logits(out, x, w, softcap));
    }

    @Override
    public void gatedMatmul(Tensor out, Tensor x, Weight gate, Tensor up) {
        ops.add(new Op.GatedMatmul(out, x, gate, up));
    }

    @Override
    public void gateUpGeglu(Tensor out, Tensor x, Weight gate, Weight up, Tensor scratch) {
        ops.add(new Op.GateUpGeglu(out, x, gate, up, scratch));
    }

    @Override
    public void addNorm(Tensor x, Tensor y, Norm norm, float scale) {
        ops.add(new Op.AddNorm(x, y, norm, scale));
    }

    @Override
    public void addNormNorm(Tensor out, Tensor x, Tensor y, Norm post, float scale, Norm pre) {
        ops.add(new Op.AddNormNorm(out, x, y, post, scale, pre));
    }
}
