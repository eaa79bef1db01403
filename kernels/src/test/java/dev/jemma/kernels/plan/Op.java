package dev.jemma.kernels.plan;

import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;

/** One call on {@link dev.jemma.kernels.Commands} as data; components are its parameters. */
public sealed interface Op {
    record Tokens(Tensor ids, Tensor sampled) implements Op {}

    record Embed(Tensor out, Tensor ids, Weight table, float scale) implements Op {}

    record Rotations(Tensor out, dev.jemma.kernels.Rope rope) implements Op {}

    record Copy(Tensor out, Tensor x) implements Op {}

    record Add(Tensor out, Tensor a, Tensor b, float scale) implements Op {}

    record Scale(Tensor x, float factor) implements Op {}

    record RmsNorm(Tensor out, Tensor x, Norm norm) implements Op {}

    record Geglu(Tensor out, Tensor gate, Tensor up) implements Op {}

    record Softcap(Tensor x, float cap) implements Op {}

    record Matmul(Tensor out, Tensor x, Weight w) implements Op {}

    record Rope(Tensor x, Tensor rotations) implements Op {}

    record StoreKv(KvView kv, Tensor k, Tensor v) implements Op {}

    record Attention(Tensor out, Tensor q, KvView kv, float scale, float softcap) implements Op {}

    record Route(Routing routing, Tensor logits, VectorF32 expertScale) implements Op {}

    record ExpertGeglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) implements Op {}

    record ExpertDown(Tensor out, Tensor h, ExpertWeight down, Routing routing) implements Op {}

    record Suppress(Tensor logits, Region ids, int count) implements Op {}

    record Argmax(Tensor ids, Tensor logits) implements Op {}

    record TopK(Tensor ids, Tensor values, Tensor logits) implements Op {}

    record CopySlot(KvView kv, int fromSlot, int toSlot, int rows) implements Op {}

    record ProjectQkv(Qkv out, Tensor x, QkvWeight w) implements Op {}

    record HeadNormRope(Tensor q, HeadNorms norms, Tensor rotations) implements Op {}

    record HeadNormRopeStore(Qkv qkv, HeadNorms norms, Tensor rotations, KvView kv) implements Op {}

    record GatedMatmul(Tensor out, Tensor x, Weight gate, Tensor up) implements Op {}

    record GateUpGeglu(Tensor out, Tensor x, Weight gate, Weight up, Tensor scratch) implements Op {}

    record Logits(Tensor out, Tensor x, Weight w, float softcap) implements Op {}

    record AddNorm(Tensor x, Tensor y, Norm norm, float scale) implements Op {}

    record AddNormNorm(Tensor out, Tensor x, Tensor y, Norm post, float scale, Norm pre) implements Op {}
}
