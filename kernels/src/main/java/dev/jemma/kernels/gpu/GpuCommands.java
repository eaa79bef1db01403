package dev.jemma.kernels.gpu;

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
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;

/** Hands each op to its family; an op over no rows encodes nothing. */
final class GpuCommands implements Commands, AutoCloseable {
    private final Encoder encoder;
    private final RowOps rowOps;
    private final NormOps norms;
    private final MatmulOps matmuls;
    private final CacheOps cache;
    private final AttentionOps attention;
    private final ExpertOps experts;
    private final ResultOps results;

    GpuCommands(Encoder encoder, Shaders shaders, GpuDriver driver, StepLimits limits, KernelChoice choice) {
        this.encoder = encoder;
        rowOps = new RowOps(encoder, shaders);
        norms = new NormOps(encoder, shaders);
        matmuls = new MatmulOps(encoder, shaders, driver, limits, choice);
        cache = new CacheOps(encoder, shaders);
        attention = new AttentionOps(encoder, shaders, driver, limits, choice);
        experts = new ExpertOps(encoder, shaders, driver, limits, choice);
        results = new ResultOps(encoder, shaders, driver, limits);
    }

    private boolean empty(Tensor tensor) {
        return encoder.rows(tensor) == 0;
    }

    @Override
    public void tokens(Tensor ids, Tensor sampled) {
        rowOps.tokens(ids, sampled);
    }

    @Override
    public void embed(Tensor out, Tensor ids, Weight table, float scale) {
        if (!empty(out)) {
            rowOps.embed(out, ids, table, scale);
        }
    }

    @Override
    public void rotations(Tensor out, Rope rope) {
        if (!empty(out)) {
            rowOps.rotations(out, rope);
        }
    }

    @Override
    public void copy(Tensor out, Tensor x) {
        if (!empty(out)) {
            rowOps.copy(out, x);
        }
    }

    @Override
    public void add(Tensor out, Tensor a, Tensor b, float scale) {
        if (!empty(out)) {
            rowOps.add(out, a, b, scale);
        }
    }

    @Override
    public void scale(Tensor x, float factor) {
        if (!empty(x)) {
            rowOps.scale(x, factor);
        }
    }

    @Override
    public void rmsNorm(Tensor out, Tensor x, Norm norm) {
        if (!empty(out)) {
            norms.rmsNorm(out, x, norm);
        }
    }

    @Override
    public void geglu(Tensor out, Tensor gate, Tensor up) {
        if (!empty(out)) {
            rowOps.geglu(out, gate, up);
        }
    }

    @Override
    public void softcap(Tensor x, float cap) {
        if (!empty(x)) {
            rowOps.softcap(x, cap);
        }
    }

    @Override
    public void matmul(Tensor out, Tensor x, Weight w) {
        if (!empty(out)) {
            matmuls.matmul(out, x, w);
        }
    }

    @Override
    public void rope(Tensor x, Tensor rotations) {
        if (!empty(x)) {
            rowOps.rope(x, rotations);
        }
    }

    @Override
    public void storeKv(KvView kv, Tensor k, Tensor v) {
        if (!empty(k)) {
            cache.storeKv(kv, k, v);
        }
    }

    @Override
    public void attention(Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        if (!empty(out)) {
            attention.attention(out, q, kv, scale, softcap);
        }
    }

    @Override
    public void route(Routing routing, Tensor logits, VectorF32 expertScale) {
        if (!empty(logits)) {
            experts.route(routing, logits, expertScale);
        }
    }

    @Override
    public void expertGeglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        if (!empty(out)) {
            experts.geglu(out, x, gate, up, routing);
        }
    }

    @Override
    public void expertDown(Tensor out, Tensor h, ExpertWeight down, Routing routing) {
        if (!empty(out)) {
            experts.down(out, h, down, routing);
        }
    }

    @Override
    public void suppress(Tensor logits, Region ids, int count) {
        if (!empty(logits) && count > 0) {
            results.suppress(logits, ids, count);
        }
    }

    @Override
    public void argmax(Tensor ids, Tensor logits) {
        if (!empty(ids)) {
            results.argmax(ids, logits);
        }
    }

    @Override
    public void topK(Tensor ids, Tensor values, Tensor logits) {
        if (!empty(ids)) {
            results.topK(ids, values, logits);
        }
    }

    @Override
    public void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {
        if (rows > 0) {
            cache.copySlot(kv, fromSlot, toSlot, rows);
        }
    }

    @Override
    public void projectQkv(Qkv out, Tensor x, QkvWeight w) {
        if (!empty(x)) {
            matmuls.projectQkv(out, x, w);
        }
    }

    @Override
    public void headNormRope(Tensor q, HeadNorms headNorms, Tensor rotations) {
        if (!CacheOps.fuses(headNorms, rotations.cols())) {
            Commands.super.headNormRope(q, headNorms, rotations);
        } else if (!empty(q)) {
            cache.headNormRope(q, headNorms, rotations);
        }
    }

    @Override
    public void headNormRopeStore(Qkv qkv, HeadNorms headNorms, Tensor rotations, KvView kv) {
        if (!CacheOps.fuses(headNorms, kv.headDim())) {
            Commands.super.headNormRopeStore(qkv, headNorms, rotations, kv);
        } else if (!empty(qkv.q())) {
            cache.headNormRopeStore(qkv, headNorms, rotations, kv);
        }
    }

    @Override
    public void gateUpGeglu(Tensor out, Tensor x, Weight gate, Weight up, Tensor scratch) {
        if (!matmuls.fusesGeglu(out, x, gate, up)) {
            Commands.super.gateUpGeglu(out, x, gate, up, scratch);
        } else if (!empty(out)) {
            matmuls.gateUpGeglu(out, x, gate, up);
        }
    }

    @Override
    public void gatedMatmul(Tensor out, Tensor x, Weight gate, Tensor up) {
        if (!matmuls.fusesGated(x, gate)) {
            Commands.super.gatedMatmul(out, x, gate, up);
        } else if (!empty(out)) {
            matmuls.gatedMatmul(out, x, gate, up);
        }
    }

    @Override
    public void addNorm(Tensor x, Tensor y, Norm norm, float scale) {
        if (!norms.takes(x, norm, null)) {
            Commands.super.addNorm(x, y, norm, scale);
        } else if (!empty(x)) {
            norms.addNorm(x, x, y, norm, scale, null);
        }
    }

    @Override
    public void addNormNorm(Tensor out, Tensor x, Tensor y, Norm post, float scale, Norm pre) {
        if (!norms.takes(x, post, pre)) {
            Commands.super.addNormNorm(out, x, y, post, scale, pre);
        } else if (!empty(x)) {
            norms.addNorm(out, x, y, post, scale, pre);
        }
    }

    @Override
    public void close() {
        matmuls.close();
        attention.close();
        experts.close();
        results.close();
    }
}
