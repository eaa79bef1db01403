package dev.jemma.kernels.plan;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;

/** Takes every op and does nothing: what is left is the cost of encoding. */
public final class IdleCommands implements Commands {
    @Override
    public void tokens(Tensor ids, Tensor sampled) {}

    @Override
    public void embed(Tensor out, Tensor ids, Weight table, float scale) {}

    @Override
    public void rotations(Tensor out, Rope rope) {}

    @Override
    public void copy(Tensor out, Tensor x) {}

    @Override
    public void add(Tensor out, Tensor a, Tensor b, float scale) {}

    @Override
    public void scale(Tensor x, float factor) {}

    @Override
    public void rmsNorm(Tensor out, Tensor x, Norm norm) {}

    @Override
    public void geglu(Tensor out, Tensor gate, Tensor up) {}

    @Override
    public void softcap(Tensor x, float cap) {}

    @Override
    public void matmul(Tensor out, Tensor x, Weight w) {}

    @Override
    public void rope(Tensor x, Tensor rotations) {}

    @Override
    public void storeKv(KvView kv, Tensor k, Tensor v) {}

    @Override
    public void attention(Tensor out, Tensor q, KvView kv, float scale, float softcap) {}

    @Override
    public void route(Routing routing, Tensor logits, VectorF32 expertScale) {}

    @Override
    public void expertGeglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {}

    @Override
    public void expertDown(Tensor out, Tensor h, ExpertWeight down, Routing routing) {}

    @Override
    public void suppress(Tensor logits, Region ids, int count) {}

    @Override
    public void argmax(Tensor ids, Tensor logits) {}

    @Override
    public void topK(Tensor ids, Tensor values, Tensor logits) {}

    @Override
    public void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {}
}
