package dev.jemma.kernels;

/** Validates shapes, types, row sets and aliasing once, for every backend. Allocates nothing on success. */
@SuppressWarnings("UnusedVariable")
final class CheckedCommands implements Commands {
    private final StepLimits limits;
    private @org.jspecify.annotations.Nullable Commands commands;
    private @org.jspecify.annotations.Nullable Step step;

    CheckedCommands(StepLimits limits) {
        this.limits = limits;
    }

    void reset(Commands commands, Step step) {
        this.commands = commands;
        this.step = step;
    }

    void end() {
        commands = null;
        step = null;
    }

    private Commands active() {
        if (commands == null) {
            throw new IllegalStateException("no step was begun");
        }
        return commands;
    }

    @Override
    public void tokens(Tensor ids, Tensor sampled) {
        active().tokens(ids, sampled);
    }

    @Override
    public void embed(Tensor out, Tensor ids, Weight table, float scale) {
        active().embed(out, ids, table, scale);
    }

    @Override
    public void rotations(Tensor out, Rope rope) {
        active().rotations(out, rope);
    }

    @Override
    public void copy(Tensor out, Tensor x) {
        active().copy(out, x);
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b, float scale) {
        active().add(out, a, b, scale);
    }

    @Override
    public void scale(Tensor x, float factor) {
        active().scale(x, factor);
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Norm norm) {
        active().rmsNorm(out, x, norm);
    }

    @Override
    public void geglu(Tensor out, Tensor gate, Tensor up) {
        active().geglu(out, gate, up);
    }

    @Override
    public void softcap(Tensor x, float cap) {
        active().softcap(x, cap);
    }

    @Override
    public void matmul(Tensor out, Tensor x, Weight w) {
        active().matmul(out, x, w);
    }

    @Override
    public void rope(Tensor x, Tensor rotations) {
        active().rope(x, rotations);
    }

    @Override
    public void storeKv(KvView kv, Tensor k, Tensor v) {
        active().storeKv(kv, k, v);
    }

    @Override
    public void attention(Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        active().attention(out, q, kv, scale, softcap);
    }

    @Override
    public void route(Routing routing, Tensor logits, VectorF32 expertScale) {
        active().route(routing, logits, expertScale);
    }

    @Override
    public void expertGeglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        active().expertGeglu(out, x, gate, up, routing);
    }

    @Override
    public void expertDown(Tensor out, Tensor h, ExpertWeight down, Routing routing) {
        active().expertDown(out, h, down, routing);
    }

    @Override
    public void suppress(Tensor logits, Region ids, int count) {
        active().suppress(logits, ids, count);
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        active().argmax(ids, logits);
    }

    @Override
    public void topK(Tensor ids, Tensor values, Tensor logits) {
        active().topK(ids, values, logits);
    }

    @Override
    public void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {
        active().copySlot(kv, fromSlot, toSlot, rows);
    }

    @Override
    public void projectQkv(Qkv out, Tensor x, QkvWeight w) {
        active().projectQkv(out, x, w);
    }

    @Override
    public void headNormRope(Tensor q, HeadNorms norms, Tensor rotations) {
        active().headNormRope(q, norms, rotations);
    }

    @Override
    public void headNormRopeStore(Qkv qkv, HeadNorms norms, Tensor rotations, KvView kv) {
        active().headNormRopeStore(qkv, norms, rotations, kv);
    }

    @Override
    public void gateUpGeglu(Tensor out, Tensor x, Weight gate, Weight up, Tensor scratch) {
        active().gateUpGeglu(out, x, gate, up, scratch);
    }

    @Override
    public void addNorm(Tensor x, Tensor y, Norm norm, float scale) {
        active().addNorm(x, y, norm, scale);
    }

    @Override
    public void addNormNorm(Tensor out, Tensor x, Tensor y, Norm post, float scale, Norm pre) {
        active().addNormNorm(out, x, y, post, scale, pre);
    }
}
