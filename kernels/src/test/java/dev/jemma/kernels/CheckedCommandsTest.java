package dev.jemma.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.sun.management.ThreadMXBean;
import dev.jemma.kernels.plan.IdleCommands;
import dev.jemma.kernels.plan.Op;
import dev.jemma.kernels.plan.PlanRecorder;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Calls that differ from a valid one in one argument. */
class CheckedCommandsTest extends CheckedCommandsFixture {
    @Test
    void validOpsReachTheBackendUnchanged() {
        PlanRecorder direct = new PlanRecorder();
        encodeAll(checked);
        encodeAll(direct);
        // encodeAll takes fresh memory for some outputs, so only the kinds of op are compared.
        assertThat(recorder.ops())
                .extracting(Object::getClass)
                .isEqualTo(direct.ops().stream().map(Object::getClass).toList());
        long kinds = recorder.ops().stream().map(Object::getClass).distinct().count();
        assertThat(kinds).isEqualTo(Op.class.getPermittedSubclasses().length);
    }

    @Test
    void everyOpOfCommandsIsCheckedAndRecorded() {
        List<String> ops = methodNames(Commands.class);
        assertThat(methodNames(CheckedCommands.class)).containsAll(ops);
        assertThat(methodNames(PlanRecorder.class)).containsAll(ops);
        assertThat(Op.class.getPermittedSubclasses()).hasSameSizeAs(ops);
    }

    private static List<String> methodNames(Class<?> type) {
        return Arrays.stream(type.getDeclaredMethods())
                .filter(method -> !method.isSynthetic())
                .map(Method::getName)
                .toList();
    }

    private void refuses(String message, Consumer<Commands> misuse) {
        assertThatIllegalArgumentException()
                .as(message)
                .isThrownBy(() -> misuse.accept(checked))
                .withMessageContaining(message);
        assertThat(recorder.ops()).as("reached the backend: " + message).isEmpty();
    }

    @Test
    void inputs() {
        Tensor outputIds = ids(RowSet.OUTPUT, 1);
        refuses("tokens: ids columns: expected 1, got 2", c -> c.tokens(ids(RowSet.ALL, 2), sampled));
        refuses("rows: expected ALL, got OUTPUT", c -> c.tokens(outputIds, sampled));
        refuses("rows: expected OUTPUT, got ALL", c -> c.tokens(ids, ids(RowSet.ALL, 1)));
        refuses("type: expected I32, got F32", c -> c.tokens(all(1), sampled));
        refuses("an overlap", c -> c.tokens(ids, new Tensor(ids.at(), DType.I32, RowSet.OUTPUT, 1, 1)));
        Tensor small = Tensor.i32(buffer(12), RowSet.OUTPUT, 1);
        refuses("token of row 3: expected a result of the preceding step, got result 3", c -> c.tokens(ids, small));
        refuses("embed: out columns: expected 16, got 24", c -> c.embed(wide, ids, table, 1));
        refuses("embed: ids 'buffer", c -> c.embed(x, outputIds, table, 1));
        refuses("embed: scale: expected a finite number, got NaN", c -> c.embed(x, ids, table, Float.NaN));
        refuses("rotations: out columns: expected 4, got 16", c -> c.rotations(x, new Rope(vector(2))));
    }

    @Test
    void tokensBeyondTheTable() {
        checked.tokens(ids, sampled);
        recorder.clear();
        refuses("embed: token of row 1: expected less than 63, got 63", c -> c.embed(x, ids, table.slice(0, 63), 1));
    }

    @Test
    void rows() {
        Tensor outputRows = f32(RowSet.OUTPUT, 16);
        refuses("copy: x columns: expected 16, got 24", c -> c.copy(x, wide));
        refuses("copy: x 'buffer", c -> c.copy(x, outputRows));
        refuses("type: expected F32, got I32", c -> c.copy(all(1), ids));
        refuses("copy: out", c -> c.copy(x, x));
        refuses("add: a columns: expected 16, got 24", c -> c.add(x, wide, y, 1));
        refuses("add: b 'buffer", c -> c.add(x, y, outputRows, 1));
        refuses("add: scale", c -> c.add(x, y, z, Float.POSITIVE_INFINITY));
        refuses("scale: factor", c -> c.scale(x, Float.NaN));
        refuses("scale: x 'buffer 6' type: expected F32, got I32", c -> c.scale(ids, 1));
        refuses("rmsNorm: columns to norm: expected a multiple of 16, got 24", c -> c.rmsNorm(scratch, wide, norm));
        refuses("rmsNorm: x columns", c -> c.rmsNorm(x, wide, norm));
        refuses("geglu: up columns: expected 16, got 24", c -> c.geglu(x, y, wide));
        refuses("geglu: gate columns", c -> c.geglu(x, wide, y));
        refuses("softcap: cap: expected a positive number, got 0.0", c -> c.softcap(x, 0));
        refuses("softcap: cap", c -> c.softcap(x, Float.NaN));
    }

    @Test
    void memoryOfTheStepsRows() {
        // 4 rows of 16 columns, the last cut off by one element.
        Tensor cut = Tensor.f32(buffer(4 * 64 - 4), RowSet.ALL, 16);
        refuses("memory of 4 rows: expected 256 bytes, got 252", c -> c.scale(cut, 1));
        checked.scale(Tensor.f32(buffer(4 * 64), RowSet.ALL, 16), 1);
    }

    @Test
    void limits() {
        Tensor tooWide = all(49);
        refuses("scale: x columns: expected at most 48, got 49", c -> c.scale(tooWide, 1));
        Tensor tooManyLogits = f32(RowSet.OUTPUT, 65);
        refuses("columns: expected at most 64, got 65", c -> c.argmax(sampled, tooManyLogits));
        Tensor heads = all(5 * HEAD_DIM);
        KvView oneHead = new KvView(full.keys(), full.values(), DType.F16, 2, 1, HEAD_DIM, 9, 0);
        refuses("attention: query heads: expected at most 4, got 5", c -> c.attention(all(20), heads, oneHead, 1, 0));
        KvView large = new KvView(vectorRegion(1024), vectorRegion(1024), DType.F16, 2, 1, 12, 9, 0);
        refuses("attention: q columns: expected at most 16, got 24", c -> c.attention(wide, scratch, large, 1, 0));
    }

    private Region vectorRegion(int length) {
        return vector(length).at();
    }

    @Test
    void aliasing() {
        Tensor slice = wide.columns(0, 16);
        Tensor shifted = wide.columns(1, 16);
        Tensor rest = wide.columns(16, 8);
        refuses("add: out", c -> c.add(slice, shifted, y, 1));
        refuses("geglu: out", c -> c.geglu(shifted, y, slice));
        refuses("rmsNorm: out", c -> c.rmsNorm(shifted, slice, norm));
        refuses("matmul: out", c -> c.matmul(shifted, slice, w16));
        refuses("matmul: out", c -> c.matmul(slice, slice, w16));
        // Rows of another stride in the same bytes.
        refuses("matmul: out", c -> c.matmul(new Tensor(wide.at(), DType.F32, RowSet.ALL, 16, 16), slice, w16));
        refuses("gatedMatmul: out", c -> c.gatedMatmul(wide, x, w, wide));
        refuses("logits: out", c -> c.logits(slice, slice, w16, 0));
        refuses("logits: softcap", c -> c.logits(wide, x, w, -1));
        refuses("gateUpGeglu: out", c -> c.gateUpGeglu(wide, x, w, w, wide));
        refuses("addNorm: x", c -> c.addNorm(x, x, norm, 1));
        refuses("addNormNorm: out", c -> c.addNormNorm(x, x, y, norm, 1, norm));
        refuses("addNormNorm: out", c -> c.addNormNorm(y, x, y, norm, 1, norm));
        refuses("attention: out", c -> c.attention(x, x, full, 1, 0));
        checked.matmul(rest, slice, weight(8, 16));
        checked.add(slice, slice, slice, 1);
    }

    @Test
    void outputsInReadOnlyMemory() {
        Tensor inWeight = Tensor.f32(((DenseWeight) gateUpStack).at().buffer(), RowSet.ALL, 16);
        refuses("memory apart from the weight", c -> c.matmul(inWeight, x, gateUpStack.slice(0, 16)));
        Tensor inKeys = Tensor.f32(full.keys().buffer(), RowSet.ALL, 16);
        refuses("memory", c -> c.attention(inKeys, x, full, 1, 0));
        VectorF32 factors = new VectorF32(x.at().plus(64), 16);
        refuses("memory apart from the norm factors", c -> c.rmsNorm(x, y, new Norm(16, 0, factors)));
    }

    @Test
    void projections() {
        refuses("matmul: out columns: expected 24, got 16", c -> c.matmul(x, y, w));
        refuses("matmul: x columns: expected 16, got 24", c -> c.matmul(scratch, wide, w));
        refuses("matmul: x 'buffer", c -> c.matmul(logits, x, table));
        Weight k16 = weight(16, 16);
        refuses(
                "projectQkv: k columns: expected 16, got 8",
                c -> c.projectQkv(qkv, x, new QkvWeight(w16, k16, qkvWeight.v())));
        refuses(
                "projectQkv: value projection: expected one, got none",
                c -> c.projectQkv(qkv, x, new QkvWeight(qkvWeight.q(), qkvWeight.k(), null)));
        Qkv fromKeys = new Qkv(qkv.q(), qkv.k(), qkv.v(), true);
        refuses("projectQkv: value projection: expected none, got one", c -> c.projectQkv(fromKeys, x, qkvWeight));
        Qkv shared = new Qkv(qkv.q(), qkv.k(), qkv.k(), false);
        refuses("projectQkv: k 'buffer", c -> c.projectQkv(shared, x, qkvWeight));
        refuses("gatedMatmul: up columns: expected 24, got 16", c -> c.gatedMatmul(wide, x, w, y));
        refuses("gateUpGeglu: scratch columns: expected 24, got 16", c -> c.gateUpGeglu(wide, x, w, w, y));
        refuses("gateUpGeglu: scratch columns: expected 16, got 24", c -> c.gateUpGeglu(wide, x, w, w16, scratch));
    }

    @Test
    void rope() {
        Tensor odd = all(3);
        refuses("rope: head size: expected a multiple of 2, got 3", c -> c.rope(all(6), odd));
        refuses("rope: columns to rotate: expected a multiple of 4, got 6", c -> c.rope(all(6), rotations));
        refuses("rope: rotations", c -> c.rope(x, f32(RowSet.OUTPUT, HEAD_DIM)));
        HeadNorms wrong = new HeadNorms(norm(2), null, null);
        refuses("headNormRope: size of the query norm: expected 4, got 2", c -> c.headNormRope(x, wrong, rotations));
    }

    @Test
    void cacheShapes() {
        refuses("storeKv: k columns: expected 8, got 16", c -> c.storeKv(full, x, y));
        refuses("storeKv: v columns: expected 8, got 16", c -> c.storeKv(full, narrow, y));
        Tensor eleven = all(10);
        refuses(
                "attention: q columns: expected a multiple of 4, got 10",
                c -> c.attention(all(10), eleven, full, 1, 0));
        Tensor three = all(12);
        refuses(
                "attention: query heads: expected a multiple of 2, got 3",
                c -> c.attention(all(12), three, full, 1, 0));
        refuses("attention: out columns: expected 16, got 24", c -> c.attention(wide, x, full, 1, 0));
        refuses("attention: scale: expected a positive number, got 0.0", c -> c.attention(y, x, full, 0, 0));
        refuses("attention: softcap: expected 0 or a positive number, got -1.0", c -> c.attention(y, x, full, 1, -1));
        refuses(
                "headNormRopeStore: rotation columns: expected 4, got 2",
                c -> c.headNormRopeStore(qkv, headNorms, all(2), full));
        HeadNorms wrong = new HeadNorms(null, null, norm(8));
        refuses(
                "headNormRopeStore: size of the value norm: expected 4, got 8",
                c -> c.headNormRopeStore(qkv, wrong, rotations, full));
    }

    @Test
    void cacheRows() {
        KvView short8 = kv(8, 0);
        refuses("storeKv: position: expected less than the capacity 8, got 8", c -> c.storeKv(short8, narrow, qkv.v()));
        refuses("attention: position", c -> c.attention(y, x, short8, 1, 0));
        KvView tight = kv(7, 6);
        refuses(
                "storeKv: ring capacity: expected at least window + span - 1 = 8, got 7",
                c -> c.storeKv(tight, narrow, qkv.v()));
        refuses("attention: ring capacity", c -> c.attention(y, x, tight, 1, 0));
        KvView unwrapped = kv(9, 9);
        checked.storeKv(unwrapped, narrow, qkv.v());
        recorder.clear();
        KvView oneSlot = new KvView(full.keys(), full.values(), DType.F16, 1, 2, HEAD_DIM, 9, 0);
        refuses(
                "headNormRopeStore: slot: expected 0 to 0, got 1",
                c -> c.headNormRopeStore(qkv, headNorms, rotations, oneSlot));
        refuses("copySlot: source slot: expected 0 to 1, got 2", c -> c.copySlot(full, 2, 0, 1));
        refuses("copySlot: target slot: expected 0 to 1, got -1", c -> c.copySlot(full, 0, -1, 1));
        refuses("copySlot: target slot: expected another than the source, got 1", c -> c.copySlot(full, 1, 1, 1));
        refuses("copySlot: rows: expected 0 to 9, got 10", c -> c.copySlot(full, 0, 1, 10));
    }

    @Test
    void experts() {
        refuses("route: logits columns: expected 3, got 16", c -> c.route(routing, x, expertScale));
        Routing four = new Routing(ids(RowSet.ALL, 4), all(4));
        refuses("route: experts per row: expected at most 3, got 4", c -> c.route(four, routerLogits, expertScale));
        Routing output = new Routing(ids(RowSet.OUTPUT, 2), f32(RowSet.OUTPUT, 2));
        refuses("route: routing ids", c -> c.route(output, routerLogits, expertScale));
        refuses("expertGeglu: out columns: expected 12, got 16", c -> c.expertGeglu(y, x, gate, up, routing));
        refuses(
                "expertGeglu: x columns: expected 16, got 24",
                c -> c.expertGeglu(expertHidden, wide, gate, up, routing));
        ExpertWeight two = new ExpertWeight(gateUpStack.slice(0, 24), 2, 12, 6, 6);
        refuses(
                "expertGeglu: experts of up: expected 3, got 2",
                c -> c.expertGeglu(expertHidden, x, gate, two, routing));
        ExpertWeight fewer = new ExpertWeight(gateUpStack, 3, 12, 6, 5);
        refuses(
                "expertGeglu: rows of up: expected 6, got 5",
                c -> c.expertGeglu(expertHidden, x, gate, fewer, routing));
        refuses("expertDown: out columns: expected 16, got 24", c -> c.expertDown(wide, expertHidden, down, routing));
        refuses("expertDown: h columns: expected 12, got 16", c -> c.expertDown(y, x, down, routing));
    }

    @Test
    void results() {
        refuses("suppress: bytes of ids: expected at most 8, got 12", c -> c.suppress(logits, suppressed, 3));
        refuses("suppress: count", c -> c.suppress(logits, suppressed, -1));
        refuses("argmax: ids columns: expected 1, got 2", c -> c.argmax(ids(RowSet.OUTPUT, 2), logits));
        refuses("argmax: ids 'buffer", c -> c.argmax(ids, logits));
        Tensor values = f32(RowSet.OUTPUT, 4);
        refuses("topK: values columns: expected 5, got 4", c -> c.topK(ids(RowSet.OUTPUT, 5), values, logits));
        Tensor few = f32(RowSet.OUTPUT, 3);
        refuses("topK: k: expected at most 3, got 4", c -> c.topK(ids(RowSet.OUTPUT, 4), values, few));
        refuses("topK: ids 'buffer", c -> c.topK(values, values, logits));
    }

    @Test
    void opsOutsideAStep() {
        checked.end();
        assertThatIllegalStateException().isThrownBy(() -> checked.scale(x, 1)).withMessage("scale: no step was begun");
    }

    /** A decode step is hundreds of ops; a check that allocated would feed the collector at every token. */
    @Test
    void validOpsAllocateNothing() {
        checked.begin(new IdleCommands());
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long best = Long.MAX_VALUE;
        for (int round = 0; round < 20; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 1000; i++) {
                encodeRowOps(checked);
                encodeAttention(checked);
            }
            best = Math.min(best, threads.getCurrentThreadAllocatedBytes() - before);
        }
        // The counter itself may cost a few bytes per reading; one allocation per op would be over 200 kB.
        assertThat(best).isLessThan(1000);
    }
}
