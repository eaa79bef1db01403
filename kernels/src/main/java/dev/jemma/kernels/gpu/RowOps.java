package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;

/** Ops without reductions: {@code rows.metal}, {@code embed.metal}, {@code rope.metal}. */
final class RowOps {
    private final Encoder encoder;
    private final Kernel tokens;
    private final Kernel copy;
    private final Kernel add;
    private final Kernel geglu;
    private final Kernel scale;
    private final Kernel softcap;
    private final Kernel rotations;
    private final Kernel rope;
    private final KernelFamily embed;

    RowOps(Encoder encoder, Shaders shaders) {
        this.encoder = encoder;
        tokens = shaders.kernel("rows.metal", "tokens");
        copy = shaders.kernel("rows.metal", "copy_rows");
        add = shaders.kernel("rows.metal", "add");
        geglu = shaders.kernel("rows.metal", "geglu");
        scale = shaders.kernel("rows.metal", "scale");
        softcap = shaders.kernel("rows.metal", "softcap");
        rotations = shaders.kernel("rope.metal", "rotations");
        rope = shaders.kernel("rope.metal", "rope");
        embed = shaders.byFormat("embed.metal", "embed.metal", "embed_%s");
    }

    void tokens(Tensor ids, Tensor sampled) {
        int rows = encoder.rows(ids);
        encoder.kernel(tokens).args(3).put(rows).put(ids.rowStride()).put(sampled.rowStride());
        encoder.input(encoder.inputs().tokens());
        encoder.reads(sampled.at().buffer(), sampled.at().byteOffset(), DType.I32.bytes(sampledElements(sampled)));
        encoder.writes(ids);
        encoder.runElements(rows, 1);
    }

    /** The step before may have had any number of output rows. */
    private long sampledElements(Tensor sampled) {
        return (encoder.step().maxCount(RowSet.OUTPUT) - 1L) * sampled.rowStride() + 1;
    }

    void embed(Tensor out, Tensor ids, Weight table, float factor) {
        encoder.kernel(embed.of(table))
                .args(5)
                .put(table.cols())
                .put(out.rowStride())
                .put(ids.rowStride())
                .put(factor)
                .put(WeightFormat.groupShift(table));
        encoder.reads(ids);
        encoder.weight(table);
        encoder.writes(out);
        encoder.runElements(table.cols(), encoder.rows(out));
    }

    void rotations(Tensor out, Rope rope) {
        int pairs = rope.inverseFrequencies().length();
        encoder.kernel(rotations).args(2).put(pairs).put(out.rowStride());
        encoder.input(encoder.table(out).positions());
        encoder.constant(rope.inverseFrequencies().at());
        encoder.writes(out);
        encoder.runElements(pairs, encoder.rows(out));
    }

    void rope(Tensor x, Tensor table) {
        int pairs = table.cols() / 2;
        encoder.kernel(rope)
                .args(4)
                .put(pairs)
                .put(x.cols() / 2)
                .put(x.rowStride())
                .put(table.rowStride());
        encoder.reads(table);
        encoder.writes(x);
        encoder.runElements(x.cols() / 2, encoder.rows(x));
    }

    void copy(Tensor out, Tensor x) {
        boolean gather = out.rows() != x.rows();
        encoder.kernel(copy)
                .args(4)
                .put(out.cols())
                .put(out.rowStride())
                .put(x.rowStride())
                .put(gather ? 1 : 0);
        encoder.reads(x);
        encoder.input(encoder.inputs().outputRows());
        encoder.writes(out);
        encoder.runElements(out.cols(), encoder.rows(out));
    }

    void add(Tensor out, Tensor a, Tensor b, float factor) {
        binary(add, out, a, b, factor);
    }

    void geglu(Tensor out, Tensor gate, Tensor up) {
        binary(geglu, out, gate, up, 1);
    }

    private void binary(Kernel kernel, Tensor out, Tensor a, Tensor b, float factor) {
        encoder.kernel(kernel)
                .args(5)
                .put(out.cols())
                .put(out.rowStride())
                .put(a.rowStride())
                .put(b.rowStride())
                .put(factor);
        encoder.reads(a);
        encoder.reads(b);
        encoder.writes(out);
        encoder.runElements(out.cols(), encoder.rows(out));
    }

    void scale(Tensor x, float factor) {
        unary(scale, x, factor);
    }

    void softcap(Tensor x, float cap) {
        unary(softcap, x, cap);
    }

    private void unary(Kernel kernel, Tensor x, float factor) {
        encoder.kernel(kernel).args(3).put(x.cols()).put(x.rowStride()).put(factor);
        encoder.writes(x);
        encoder.runElements(x.cols(), encoder.rows(x));
    }
}
