package dev.jemma.kernels.gpu;

import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import org.jspecify.annotations.Nullable;

/** Head norms, RoPE and writes to the cache: {@code cache.metal}. */
final class CacheOps {
    /** Columns of a head that a simdgroup of the fused kernels can hold. */
    private static final int MAX_HEAD_DIM = 512;

    /** Simdgroups of a threadgroup of the fused kernels, a head each. */
    private static final int HEADS_PER_GROUP = 4;

    private static final int QUERY_BITS = 1;
    private static final int KEY_BITS = 4;
    private static final int VALUE_BITS = 16;

    private final Encoder encoder;
    private final Kernel[] store;
    private final Kernel[] copySlot;
    private final Kernel[] headNormRopeStore;
    private final Kernel headNormRope;

    CacheOps(Encoder encoder, Shaders shaders) {
        this.encoder = encoder;
        store = shaders.byCacheType("cache.metal", "store_kv_%s");
        copySlot = shaders.byCacheType("cache.metal", "copy_slot_%s");
        headNormRopeStore = shaders.byCacheType("cache.metal", "head_norm_rope_store_%s");
        headNormRope = shaders.kernel("cache.metal", "head_norm_rope");
    }

    void storeKv(KvView kv, Tensor k, Tensor v) {
        StepInputs.Table table = encoder.table(k);
        encoder.kernel(store[Shaders.cacheType(kv.dtype())])
                .args(5)
                .put(kv.headDim())
                .put(kv.numKvHeads())
                .put(kv.capacity())
                .put(k.rowStride())
                .put(v.rowStride());
        encoder.input(table.positions());
        encoder.input(table.slots());
        encoder.reads(k);
        encoder.reads(v);
        encoder.writesCache(kv);
        encoder.runElements(k.cols(), encoder.rows(k));
    }

    void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {
        int elements = rows * kv.headDim();
        encoder.kernel(copySlot[Shaders.cacheType(kv.dtype())])
                .args(4)
                .put(elements)
                .put(Math.multiplyExact(kv.capacity(), kv.headDim()))
                .put(fromSlot * kv.numKvHeads())
                .put(toSlot * kv.numKvHeads());
        encoder.writesCache(kv);
        encoder.runElements(elements, kv.numKvHeads());
    }

    /** Whether the fused kernels take heads of this size with these norms. */
    static boolean fuses(HeadNorms norms, int headDim) {
        return headDim <= MAX_HEAD_DIM
                && spansHead(norms.q(), headDim)
                && spansHead(norms.k(), headDim)
                && spansHead(norms.v(), headDim);
    }

    private static boolean spansHead(@Nullable Norm norm, int headDim) {
        return norm == null || norm.size() == headDim;
    }

    void headNormRope(Tensor q, HeadNorms norms, Tensor rotations) {
        int headDim = rotations.cols();
        encoder.kernel(headNormRope)
                .args(6)
                .put(headDim / 2)
                .put(q.cols() / headDim)
                .put(q.rowStride())
                .put(rotations.rowStride())
                .put(bits(norms.q(), QUERY_BITS))
                .put(eps(norms.q()));
        encoder.reads(rotations);
        encoder.writes(q);
        encoder.factors(factorsOf(norms.q()), q);
        runHeads(q.cols() / headDim, encoder.rows(q));
    }

    void headNormRopeStore(Qkv qkv, HeadNorms norms, Tensor rotations, KvView kv) {
        Tensor q = qkv.q();
        Tensor values = qkv.valuesFromKeys() ? qkv.k() : qkv.v();
        int numHeads = q.cols() / kv.headDim();
        int jobs = numHeads + 2 * kv.numKvHeads();
        encoder.kernel(headNormRopeStore[Shaders.cacheType(kv.dtype())])
                .args(13)
                .put(kv.headDim() / 2)
                .put(numHeads)
                .put(kv.numKvHeads())
                .put(jobs)
                .put(kv.capacity())
                .put(q.rowStride())
                .put(qkv.k().rowStride())
                .put(values.rowStride())
                .put(rotations.rowStride())
                .put(bits(norms.q(), QUERY_BITS) | bits(norms.k(), KEY_BITS) | bits(norms.v(), VALUE_BITS))
                .put(eps(norms.q()))
                .put(eps(norms.k()))
                .put(eps(norms.v()));
        StepInputs.Table table = encoder.table(q);
        encoder.input(table.positions());
        encoder.input(table.slots());
        encoder.reads(rotations);
        encoder.writes(q);
        encoder.reads(qkv.k());
        encoder.reads(values);
        encoder.factors(factorsOf(norms.q()), q);
        encoder.factors(factorsOf(norms.k()), q);
        encoder.factors(factorsOf(norms.v()), q);
        encoder.writesCache(kv);
        runHeads(jobs, encoder.rows(q));
    }

    private void runHeads(int jobs, int rows) {
        encoder.run(Math.ceilDiv(jobs, HEADS_PER_GROUP), rows, 1, 32 * HEADS_PER_GROUP);
    }

    private static @Nullable VectorF32 factorsOf(@Nullable Norm norm) {
        return norm == null ? null : norm.factors();
    }

    /** Two bits for a norm: it exists, it has factors. */
    private static int bits(@Nullable Norm norm, int lowest) {
        return norm == null ? 0 : norm.factors() == null ? lowest : lowest * 3;
    }

    private static float eps(@Nullable Norm norm) {
        return norm == null ? 0 : norm.eps();
    }
}
