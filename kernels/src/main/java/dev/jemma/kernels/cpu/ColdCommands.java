package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.ExpertWeight;
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

/**
 * The first step of a process: all but products by the reference's scalar loops. Those the JVM compiles within
 * milliseconds, where vector kernels are interpreted for half a second (each vector is an object then) until its
 * optimising compiler has come to them. Of 611 ms that the first 17 rows of the demo model took, attention had 219, norms
 * and RoPE 80, embedding 38.
 */
final class ColdCommands implements Commands {
    /** Rows up to which this is sooner: attention's scalar loops take 1 ms a row and layer at a few hundred keys. */
    static final int MAX_ROWS = 64;

    private final Commands products;
    private final Commands scalar;

    /**
     * @param products multiplies by weights
     * @param scalar does all else, on the same step
     */
    ColdCommands(Commands products, Commands scalar) {
        this.products = products;
        this.scalar = scalar;
    }

    @Override
    public void tokens(Tensor ids, Tensor sampled) {
        scalar.tokens(ids, sampled);
    }

    @Override
    public void embed(Tensor out, Tensor ids, Weight table, float scale) {
        scalar.embed(out, ids, table, scale);
    }

    @Override
    public void rotations(Tensor out, Rope rope) {
        scalar.rotations(out, rope);
    }

    @Override
    public void copy(Tensor out, Tensor x) {
        scalar.copy(out, x);
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b, float scale) {
        scalar.add(out, a, b, scale);
    }

    @Override
    public void scale(Tensor x, float factor) {
        scalar.scale(x, factor);
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Norm norm) {
        scalar.rmsNorm(out, x, norm);
    }

    @Override
    public void geglu(Tensor out, Tensor gate, Tensor up) {
        scalar.geglu(out, gate, up);
    }

    @Override
    public void softcap(Tensor x, float cap) {
        scalar.softcap(x, cap);
    }

    @Override
    public void matmul(Tensor out, Tensor x, Weight w) {
        products.matmul(out, x, w);
    }

    @Override
    public void projectQkv(Qkv out, Tensor x, QkvWeight w) {
        products.projectQkv(out, x, w);
    }

    @Override
    public void rope(Tensor x, Tensor rotations) {
        scalar.rope(x, rotations);
    }

    @Override
    public void storeKv(KvView kv, Tensor k, Tensor v) {
        scalar.storeKv(kv, k, v);
    }

    @Override
    public void attention(Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        scalar.attention(out, q, kv, scale, softcap);
    }

    @Override
    public void route(Routing routing, Tensor logits, VectorF32 expertScale) {
        scalar.route(routing, logits, expertScale);
    }

    @Override
    public void expertGeglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        products.expertGeglu(out, x, gate, up, routing);
    }

    @Override
    public void expertDown(Tensor out, Tensor h, ExpertWeight down, Routing routing) {
        products.expertDown(out, h, down, routing);
    }

    @Override
    public void suppress(Tensor logits, Region ids, int count) {
        scalar.suppress(logits, ids, count);
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        scalar.argmax(ids, logits);
    }

    @Override
    public void topK(Tensor ids, Tensor values, Tensor logits) {
        scalar.topK(ids, values, logits);
    }

    @Override
    public void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {
        scalar.copySlot(kv, fromSlot, toSlot, rows);
    }
}
