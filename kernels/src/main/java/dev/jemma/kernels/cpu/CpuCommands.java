package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;

/** Runs every op at once, on the rows of the step that was begun. */
final class CpuCommands implements Commands {
    private final Step step;
    private final InputOps inputs;
    private final RowOps rows;
    private final Projection projection;
    private final HeadOps heads;
    private final Attention attention;
    private final ExpertOps experts;
    private final ResultOps results;
    private final Logits logits;

    /**
     * @param step the current step, refilled by the stream for each one
     * @param dots for few rows of weights that these take
     */
    CpuCommands(
            Step step,
            StepLimits limits,
            KernelChoice choice,
            OneDnnRows oneDnnRows,
            MachineDots dots,
            RowPool pool,
            Scratch scratch) {
        this.step = step;
        inputs = new InputOps(step, pool, scratch);
        rows = new RowOps(pool, scratch);
        logits = new Logits(limits, scratch);
        projection = new Projection(choice, oneDnnRows, dots, pool, scratch, logits);
        heads = new HeadOps(step, pool, limits.maxAttentionCols());
        attention = new Attention(step, choice, pool, scratch, limits, dots.floats() != null);
        experts = new ExpertOps(choice, dots.integers(), pool, scratch);
        results = new ResultOps(pool, logits);
    }

    private int count(Tensor tensor) {
        return step.count(tensor.rows());
    }

    // All ops but those that choose may write to logits, and make noted bounds wrong.

    private InputOps inputs() {
        logits.forget();
        return inputs;
    }

    private RowOps rows() {
        logits.forget();
        return rows;
    }

    private Projection projection() {
        logits.forget();
        return projection;
    }

    private HeadOps heads() {
        logits.forget();
        return heads;
    }

    private Attention attention() {
        logits.forget();
        return attention;
    }

    private ExpertOps experts() {
        logits.forget();
        return experts;
    }

    @Override
    public void tokens(Tensor ids, Tensor sampled) {
        inputs.tokens(ids, sampled);
    }

    @Override
    public void embed(Tensor out, Tensor ids, Weight table, float scale) {
        inputs().embed(out, ids, table, scale);
    }

    @Override
    public void rotations(Tensor out, Rope rope) {
        inputs().rotations(out, rope);
    }

    @Override
    public void copy(Tensor out, Tensor x) {
        inputs().copy(out, x);
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b, float scale) {
        rows().add(count(out), out, a, b, scale);
    }

    @Override
    public void scale(Tensor x, float factor) {
        rows().scale(count(x), x, factor);
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Norm norm) {
        rows().rmsNorm(count(out), out, x, norm);
    }

    @Override
    public void geglu(Tensor out, Tensor gate, Tensor up) {
        rows().geglu(count(out), out, gate, up);
    }

    @Override
    public void softcap(Tensor x, float cap) {
        rows().softcap(count(x), x, cap);
    }

    @Override
    public void matmul(Tensor out, Tensor x, Weight w) {
        projection().matmul(count(out), out, x, w);
    }

    @Override
    public void logits(Tensor out, Tensor x, Weight w, float softcap) {
        projection.logits(count(out), out, x, w, softcap);
    }

    @Override
    public void rope(Tensor x, Tensor rotations) {
        heads().normRope(x, null, rotations);
    }

    @Override
    public void storeKv(KvView kv, Tensor k, Tensor v) {
        heads().store(kv, k, v);
    }

    @Override
    public void attention(Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        attention().attend(out, q, kv, scale, softcap);
    }

    @Override
    public void route(Routing routing, Tensor logits, VectorF32 expertScale) {
        experts().route(count(logits), routing, logits, expertScale);
    }

    @Override
    public void expertGeglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        experts().geglu(count(out), out, x, gate, up, routing);
    }

    @Override
    public void expertDown(Tensor out, Tensor h, ExpertWeight down, Routing routing) {
        experts().down(count(out), out, h, down, routing);
    }

    @Override
    public void suppress(Tensor logits, Region ids, int count) {
        ResultOps.suppress(count(logits), logits, ids, count);
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        results.argmax(count(ids), ids, logits);
    }

    @Override
    public void topK(Tensor ids, Tensor values, Tensor logits) {
        results.topK(count(ids), ids, values, logits);
    }

    @Override
    public void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {
        heads.copySlot(kv, fromSlot, toSlot, rows);
    }

    @Override
    public void projectQkv(Qkv out, Tensor x, QkvWeight w) {
        projection().three(count(x), x, w.q(), out.q(), w.k(), out.k(), w.v(), out.v());
    }

    @Override
    public void headNormRope(Tensor q, HeadNorms norms, Tensor rotations) {
        heads().normRope(q, norms.q(), rotations);
    }

    @Override
    public void headNormRopeStore(Qkv qkv, HeadNorms norms, Tensor rotations, KvView kv) {
        heads().normRopeStore(qkv, norms, rotations, kv);
    }

    @Override
    public void gateUpGeglu(Tensor out, Tensor x, Weight gate, Weight up, Tensor scratch) {
        if (Projection.sameOrder(gate, up)) {
            projection().gated(count(out), out, x, gate, up, scratch);
        } else {
            Commands.super.gateUpGeglu(out, x, gate, up, scratch);
        }
    }

    @Override
    public void addNorm(Tensor x, Tensor y, Norm norm, float scale) {
        rows().addNorm(count(x), x, y, norm, scale, x, null);
    }

    @Override
    public void addNormNorm(Tensor out, Tensor x, Tensor y, Norm post, float scale, Norm pre) {
        rows().addNorm(count(x), x, y, post, scale, out, pre);
    }
}
