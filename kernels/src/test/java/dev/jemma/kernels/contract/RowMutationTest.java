package dev.jemma.kernels.contract;

import static dev.jemma.kernels.contract.Mutants.attention;
import static dev.jemma.kernels.contract.Mutants.cache;
import static dev.jemma.kernels.contract.Mutants.change;
import static dev.jemma.kernels.contract.Mutants.mutant;
import static dev.jemma.kernels.contract.Mutants.noEps;
import static dev.jemma.kernels.contract.Mutants.noFactors;
import static dev.jemma.kernels.contract.Mutants.row;
import static dev.jemma.kernels.contract.Mutants.window;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.jemma.kernels.Commands;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.HeadNorms;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.host.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The contract fails a backend that gets one thing wrong about rows, attention or the cache. */
class RowMutationTest {
    @ParameterizedTest
    @MethodSource({"rowMutants", "attentionMutants", "cacheMutants"})
    void isCaught(MutantDevice device, Consumer<Device> contractTest) {
        assertThatExceptionOfType(AssertionError.class).isThrownBy(() -> contractTest.accept(device));
    }

    static Stream<Arguments> rowMutants() {
        return Stream.of(
                mutant("copy", "first rows for output rows", row(RowOpsContract::copyOfOutputRows), (c, a) -> {
                    Tensor x = (Tensor) a[1];
                    Tensor out = (Tensor) a[0];
                    c.copy(out, new Tensor(x.at(), x.dtype(), out.rows(), x.cols(), x.rowStride()));
                }),
                mutant(
                        "add",
                        "scale left out",
                        row(RowOpsContract::add),
                        (c, a) -> c.add((Tensor) a[0], (Tensor) a[1], (Tensor) a[2], 1)),
                mutant("scale", "writes one column too many", row(RowOpsContract::scale), (c, a) -> {
                    Tensor x = (Tensor) a[0];
                    c.scale(x, (float) a[1]);
                    change(x, 0, x.cols(), old -> 0);
                }),
                mutant("scale", "writes one row too many", row(RowOpsContract::scale), (c, a) -> {
                    c.scale((Tensor) a[0], (float) a[1]);
                    change((Tensor) a[0], 39, 0, old -> 1);
                }),
                mutant("add", "changes an input", row(RowOpsContract::add), (c, a) -> {
                    c.add((Tensor) a[0], (Tensor) a[1], (Tensor) a[2], (float) a[3]);
                    change((Tensor) a[1], 0, 0, Math::nextUp);
                    change((Tensor) a[1], 0, 0, old -> old * 1.0001);
                }),
                mutant("geglu", "adds to what the output held", row(RowOpsContract::geglu), (c, a) -> {
                    float[] old = {0};
                    change((Tensor) a[0], 0, 0, x -> old[0] = (float) x);
                    c.geglu((Tensor) a[0], (Tensor) a[1], (Tensor) a[2]);
                    change((Tensor) a[0], 0, 0, x -> x + 0 * old[0]);
                }),
                mutant(
                        "geglu",
                        "gate and up swapped",
                        row(RowOpsContract::geglu),
                        (c, a) -> c.geglu((Tensor) a[0], (Tensor) a[2], (Tensor) a[1])),
                mutant("softcap", "cap left out", row(RowOpsContract::softcap), (c, a) -> {}),
                mutant(
                        "rmsNorm",
                        "eps left out",
                        row(RowOpsContract::rmsNormOfLargeAndSmallRows),
                        (c, a) -> c.rmsNorm((Tensor) a[0], (Tensor) a[1], noEps(a[2]))),
                mutant(
                        "rmsNorm",
                        "factors left out",
                        row(RowOpsContract::rmsNorm),
                        (c, a) -> c.rmsNorm((Tensor) a[0], (Tensor) a[1], noFactors(a[2]))),
                mutant(
                        "rotations",
                        "frequencies off by a unit in the last place",
                        row(RowOpsContract::rotations),
                        (c, a) -> {
                            VectorF32 frequencies = ((Rope) a[1]).inverseFrequencies();
                            for (int i = 0; i < frequencies.length(); i++) {
                                change(frequencies, i, x -> x * (1 + 0x1.8p-24));
                            }
                            c.rotations((Tensor) a[0], (Rope) a[1]);
                            for (int i = 0; i < frequencies.length(); i++) {
                                change(frequencies, i, x -> x / (1 + 0x1.8p-24));
                            }
                        }));
    }

    static Stream<Arguments> attentionMutants() {
        return Stream.of(
                mutant(
                        "attention",
                        "window one too wide",
                        attention(AttentionContract::windows),
                        (c, a) ->
                                c.attention((Tensor) a[0], (Tensor) a[1], window(a[2], 1), (float) a[3], (float) a[4])),
                mutant(
                        "attention",
                        "window one too narrow",
                        attention(AttentionContract::windows),
                        (c, a) -> c.attention(
                                (Tensor) a[0], (Tensor) a[1], window(a[2], -1), (float) a[3], (float) a[4])),
                mutant(
                        "attention",
                        "window one too wide in a ring",
                        attention(AttentionContract::ringsThatWrap),
                        (c, a) ->
                                c.attention((Tensor) a[0], (Tensor) a[1], window(a[2], 1), (float) a[3], (float) a[4])),
                mutant(
                        "attention",
                        "scale left out",
                        attention(AttentionContract::contextLengths),
                        (c, a) -> c.attention((Tensor) a[0], (Tensor) a[1], (KvView) a[2], 1, (float) a[4])),
                mutant(
                        "attention",
                        "scale off by a thousandth",
                        attention(AttentionContract::contextLengths),
                        (c, a) -> c.attention(
                                (Tensor) a[0], (Tensor) a[1], (KvView) a[2], (float) a[3] * 1.001f, (float) a[4])),
                mutant(
                        "attention",
                        "softcap left out",
                        attention(AttentionContract::softcappedScores),
                        (c, a) -> c.attention((Tensor) a[0], (Tensor) a[1], (KvView) a[2], (float) a[3], 0)),
                mutant(
                        "attention",
                        "heads share keys in the wrong groups",
                        attention(AttentionContract::headsAndGroups),
                        RowMutationTest::interleavedGroups),
                mutant(
                        "attention",
                        "a value of another slot",
                        attention(AttentionContract::spansOfSeveralSlots),
                        (c, a) -> {
                            KvView kv = (KvView) a[2];
                            KvView next = new KvView(
                                    kv.keys(),
                                    kv.values(),
                                    kv.dtype(),
                                    kv.slots(),
                                    kv.numKvHeads(),
                                    kv.headDim(),
                                    kv.capacity() - 1,
                                    kv.window());
                            c.attention((Tensor) a[0], (Tensor) a[1], next, (float) a[3], (float) a[4]);
                        }));
    }

    /** Head h reads key-value head {@code h % numKvHeads}. */
    private static void interleavedGroups(Commands c, Object[] a) {
        KvView kv = (KvView) a[2];
        Tensor q = (Tensor) a[1];
        int numHeads = q.cols() / kv.headDim();
        int group = numHeads / kv.numKvHeads();
        c.attention((Tensor) a[0], q, kv, (float) a[3], (float) a[4]);
        if (group > 1 && kv.numKvHeads() > 1) {
            // Head 1 belongs to key-value head 0; this mutant gives it what the first head of the next group gets.
            Tensor out = (Tensor) a[0];
            MemorySegment memory = HostBuffer.segment(out);
            long head = DType.F32.bytes(kv.headDim());
            MemorySegment.copy(memory, out.rowOffset(0) + head * group, memory, out.rowOffset(0) + head, head);
        }
    }

    static Stream<Arguments> cacheMutants() {
        return Stream.of(
                mutant("rope", "turns the other way", cache(CacheContract::rope), (c, a) -> {
                    Tensor rotations = (Tensor) a[1];
                    int half = rotations.cols() / 2;
                    for (int i = half; i < rotations.cols(); i++) {
                        change(rotations, 0, i, sin -> -sin);
                    }
                    c.rope((Tensor) a[0], rotations);
                    for (int i = half; i < rotations.cols(); i++) {
                        change(rotations, 0, i, sin -> -sin);
                    }
                }),
                mutant("storeKv", "rounds towards zero", cache(CacheContract::storeKvRoundsToF16), (c, a) -> {
                    Tensor k = (Tensor) a[1];
                    truncate(k);
                    c.storeKv((KvView) a[0], k, (Tensor) a[2]);
                }),
                mutant(
                        "storeKv",
                        "keys and values swapped",
                        cache(CacheContract::storeKv),
                        (c, a) -> c.storeKv((KvView) a[0], (Tensor) a[2], (Tensor) a[1])),
                mutant("storeKv", "positions do not wrap at the capacity", cache(CacheContract::storeKv), (c, a) -> {
                    KvView kv = (KvView) a[0];
                    KvView shorter = new KvView(
                            kv.keys(),
                            kv.values(),
                            kv.dtype(),
                            kv.slots(),
                            kv.numKvHeads(),
                            kv.headDim(),
                            kv.capacity() - 1,
                            kv.window());
                    c.storeKv(shorter, (Tensor) a[1], (Tensor) a[2]);
                }),
                mutant(
                        "copySlot",
                        "one row too few",
                        cache(CacheContract::copySlot),
                        (c, a) -> c.copySlot((KvView) a[0], (int) a[1], (int) a[2], Math.max(0, (int) a[3] - 1))),
                mutant(
                        "copySlot",
                        "the wrong way round",
                        cache(CacheContract::copySlot),
                        (c, a) -> c.copySlot((KvView) a[0], (int) a[2], (int) a[1], (int) a[3])),
                mutant(
                        "headNormRopeStore",
                        "values from normalised keys",
                        cache(CacheContract::headNormRopeStore),
                        RowMutationTest::valuesFromNormedKeys),
                mutant("headNormRopeStore", "value norm left out", cache(CacheContract::headNormRopeStore), (c, a) -> {
                    HeadNorms norms = (HeadNorms) a[1];
                    c.headNormRopeStore(
                            (Qkv) a[0], new HeadNorms(norms.q(), norms.k(), null), (Tensor) a[2], (KvView) a[3]);
                }),
                mutant(
                        "headNormRope",
                        "rotates before the norm's factors",
                        cache(CacheContract::headNormRope),
                        (c, a) -> {
                            Tensor q = (Tensor) a[0];
                            c.rope(q, (Tensor) a[2]);
                            Norm norm = ((HeadNorms) a[1]).q();
                            if (norm != null) {
                                c.rmsNorm(q, q, norm);
                            }
                        }));
    }

    private static void truncate(Tensor x) {
        for (int i = 0; i < x.cols(); i++) {
            change(x, 0, i, value -> Float.intBitsToFloat(Float.floatToRawIntBits((float) value) & ~0x1FFF));
        }
    }

    private static void valuesFromNormedKeys(Commands c, Object[] a) {
        Qkv qkv = (Qkv) a[0];
        HeadNorms norms = (HeadNorms) a[1];
        if (qkv.valuesFromKeys() && norms.k() != null) {
            c.rmsNorm(qkv.k(), qkv.k(), norms.k());
        }
        c.headNormRopeStore(qkv, new HeadNorms(norms.q(), null, norms.v()), (Tensor) a[2], (KvView) a[3]);
    }
}
