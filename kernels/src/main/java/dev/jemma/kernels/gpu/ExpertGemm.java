package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Experts of many rows: {@code expert_gemm.metal}. Rows are listed by expert, so that an expert's weights are read once
 * for a tile of rows. Its memory is taken when a stream first meets experts: models without them need none.
 */
final class ExpertGemm implements AutoCloseable {
    /** Entries an expert must have on average before its lists pay. */
    private static final int MIN_ENTRIES = 2;

    private static final int TILE_ENTRIES = 32;
    private static final int TILE_OUTS = 64;
    private static final int LIST_THREADS = 256;
    private static final int GEMM_THREADS = 128;

    /** Threadgroups that share the tiles of one expert and the same outputs. */
    private static final int MAX_SHARES = 8;

    private final Encoder encoder;
    private final GpuDriver driver;
    private final int maxRows;
    private final Kernel lists;
    private final Kernel sum;
    private final KernelFamily geglu;
    private final KernelFamily down;
    private final List<DeviceBuffer> taken = new ArrayList<>();
    private @Nullable DeviceBuffer list;
    private @Nullable DeviceBuffer spans;
    private @Nullable DeviceBuffer partial;

    ExpertGemm(Encoder encoder, Shaders shaders, GpuDriver driver, StepLimits limits) {
        this.encoder = encoder;
        this.driver = driver;
        maxRows = limits.maxRows();
        lists = shaders.kernel("expert_gemm.metal", "expert_lists");
        sum = shaders.kernel("expert_gemm.metal", "expert_sum");
        geglu = shaders.byFormat("expert_gemm.metal", "expert_gemm.metal", "expert_gemm_geglu_%s");
        down = shaders.byFormat("expert_gemm.metal", "expert_gemm.metal", "expert_gemm_down_%s");
    }

    /** Whether lists by expert are better than a pass over the weights for every row. */
    boolean takes(Tensor x, ExpertWeight w, Routing routing) {
        return encoder.rows(x) * routing.topK() >= MIN_ENTRIES * w.numExperts();
    }

    void geglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        int rows = encoder.rows(x);
        list(routing, gate.numExperts(), rows);
        encoder.kernel(geglu.of(gate.stack()));
        gemmArgs(out.rowStride(), x, gate, routing)
                .put(gate.rowStride())
                .put(gate.firstRow())
                .put(up.rowStride())
                .put(up.firstRow());
        encoder.reads(x);
        readsLists(routing, gate.numExperts(), rows);
        encoder.anyWeight(gate.stack());
        encoder.anyWeight(up.stack());
        encoder.writes(out);
        runGemm(gate, TILE_OUTS / 2, rows * routing.topK());
    }

    void down(Tensor out, Tensor h, ExpertWeight weight, Routing routing) {
        int rows = encoder.rows(h);
        int entries = rows * routing.topK();
        list(routing, weight.numExperts(), rows);
        long mostBytes = DType.F32.bytes((long) maxRows * routing.topK() * weight.rows());
        DeviceBuffer outputs = grown(partial, mostBytes, "outputs of experts");
        partial = outputs;
        long bytes = DType.F32.bytes((long) entries * weight.rows());
        encoder.kernel(down.of(weight.stack()));
        gemmArgs(weight.rows(), h, weight, routing)
                .put(weight.rowStride())
                .put(weight.firstRow())
                .put(0)
                .put(0);
        encoder.reads(h);
        readsLists(routing, weight.numExperts(), rows);
        encoder.anyWeight(weight.stack());
        encoder.writes(outputs, 0, bytes);
        runGemm(weight, TILE_OUTS, entries);
        encoder.kernel(sum)
                .args(4)
                .put(weight.rows())
                .put(routing.topK())
                .put(routing.weights().rowStride())
                .put(out.rowStride());
        encoder.reads(outputs, 0, bytes);
        encoder.reads(routing.weights());
        encoder.writes(out);
        encoder.runElements(weight.rows(), rows);
    }

    private void list(Routing routing, int numExperts, int rows) {
        list = grown(list, DType.I32.bytes((long) maxRows * routing.topK()), "rows of experts");
        spans = grown(spans, DType.I32.bytes(2L * numExperts), "spans of experts");
        encoder.kernel(lists)
                .args(3)
                .put(rows * routing.topK())
                .put(routing.topK())
                .put(routing.ids().rowStride());
        encoder.reads(routing.ids());
        encoder.writes(list, 0, DType.I32.bytes((long) rows * routing.topK()));
        encoder.writes(spans, 0, DType.I32.bytes(2L * numExperts));
        encoder.run(numExperts, 1, 1, LIST_THREADS);
    }

    private void readsLists(Routing routing, int numExperts, int rows) {
        encoder.reads(some(list), 0, DType.I32.bytes((long) rows * routing.topK()));
        encoder.reads(some(spans), 0, DType.I32.bytes(2L * numExperts));
    }

    private Args gemmArgs(int outStride, Tensor x, ExpertWeight w, Routing routing) {
        Weight stack = w.stack();
        return encoder.args(13)
                .put(w.rows())
                .put(w.cols())
                .put(encoder.rows(x))
                .put(x.rowStride())
                .put(outStride)
                .put(WeightFormat.groupShift(stack))
                .put(Encoder.aligned(x) && w.cols() % 4 == 0 ? 1 : 0)
                .put(WeightFormat.aligned(stack) ? 1 : 0)
                .put(routing.topK());
    }

    private void runGemm(ExpertWeight w, int outsPerTile, int entries) {
        int tiles = Math.ceilDiv(Math.ceilDiv(entries, w.numExperts()), TILE_ENTRIES);
        encoder.run(
                Math.ceilDiv(w.rows(), outsPerTile), w.numExperts(), Math.clamp(tiles, 1, MAX_SHARES), GEMM_THREADS);
    }

    /** Steps under way may use what was taken before, so it is kept to the end. */
    private DeviceBuffer grown(@Nullable DeviceBuffer buffer, long bytes, String label) {
        if (buffer != null && buffer.byteSize() >= bytes) {
            return buffer;
        }
        DeviceBuffer larger = driver.allocate(bytes, label);
        taken.add(larger);
        return larger;
    }

    private static DeviceBuffer some(@Nullable DeviceBuffer buffer) {
        if (buffer == null) {
            throw new IllegalStateException("experts: not allocated");
        }
        return buffer;
    }

    @Override
    public void close() {
        taken.forEach(DeviceBuffer::close);
    }
}
