package dev.jemma.kernels.bench;

import static dev.jemma.kernels.RowSet.ALL;

import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.Tensor;
import org.openjdk.jmh.annotations.Param;

/** Ops on heads and the cache, by default of Gemma 3's small models, behind {@link #depth} other tokens. */
public class HeadOpsBenchmark extends KernelBenchmark {
    public enum Op {
        ROPE,
        HEAD_NORM_ROPE,
        HEAD_NORM_ROPE_STORE,
        STORE_KV,
        ATTENTION,
        COPY_SLOT
    }

    @Param
    public Op op = Op.ATTENTION;

    @Param({"1", "128"})
    public int rows = 1;

    @Param({"128", "2048"})
    public int depth = 128;

    /** Keys that a query sees; 0: all. */
    @Param({"0", "512"})
    public int window;

    @Param("4")
    public int heads = 4;

    @Param("1")
    public int kvHeads = 1;

    @Param("256")
    public int headDim = 256;

    @Override
    int rows() {
        return rows;
    }

    @Override
    int position() {
        return depth;
    }

    @Override
    Kernel prepare(Workspace memory) {
        int capacity = rows + (window == 0 ? depth : window);
        Tensor q = memory.watched(memory.input(ALL, heads * headDim));
        Qkv qkv = new Qkv(q, memory.input(ALL, kvHeads * headDim), memory.input(ALL, kvHeads * headDim), false);
        Tensor rotations = memory.rotations(ALL, headDim);
        KvView kv = memory.cache(kvHeads, headDim, capacity, window);
        Norm norm = new Norm(headDim, 1e-6f, memory.vector(headDim));
        HeadNorms norms = new HeadNorms(norm, norm, norm);
        return switch (op) {
            case ROPE -> new Kernel(c -> c.rope(q, rotations));
            case HEAD_NORM_ROPE -> new Kernel(c -> c.headNormRope(q, norms, rotations));
            case HEAD_NORM_ROPE_STORE -> new Kernel(c -> c.headNormRopeStore(qkv, norms, rotations, kv));
            case STORE_KV -> new Kernel(c -> c.storeKv(kv, qkv.k(), qkv.v()));
            case ATTENTION -> {
                Tensor out = memory.output(ALL, heads * headDim);
                long keys = 0;
                for (int row = 0; row < rows; row++) {
                    keys += depth + row + 1 - kv.firstVisible(depth + row);
                }
                double seen = depth + rows - kv.firstVisible(depth);
                yield new Kernel(
                        seen * 4 * kvHeads * headDim,
                        4.0 * keys * heads * headDim,
                        c -> c.attention(out, q, kv, 0.0625f, 0));
            }
            case COPY_SLOT -> new Kernel(c -> c.copySlot(kv, 0, 1, Math.min(depth, kv.capacity())));
        };
    }
}
