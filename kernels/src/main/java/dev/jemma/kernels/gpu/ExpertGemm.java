package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Experts of many rows: {@code expert_gemm.metal}. Rows are listed by expert, so that an expert's weights are read once
 * for a tile of rows. Its memory is taken when a stream first meets experts: models without them need none.
 *
 * <p>A driver's own kernels, {@code expert_gemm_mma}, split activations and dequantized weights into two BF16 numbers each,
 * as {@link TensorCoreGemm} does where there are experts.
 */
final class ExpertGemm implements AutoCloseable {
    /** Entries an expert must have on average before its lists pay. */
    private static final int MIN_ENTRIES = 2;

    private static final int LIST_THREADS = 256;

    private static final Tile SHADER_TILE = new Tile(32, 64, 128);
    private static final Tile OWN_TILE = new Tile(64, 128, 256);

    /** Columns of a tile in the driver's kernels, with a pad. */
    private static final int OWN_STRIDE = 40;

    /** Threadgroups that share the tiles of one expert and the same outputs. */
    private static final int MAX_SHARES = 8;

    private final Encoder encoder;
    private final GpuDriver driver;
    private final int maxRows;
    private final Kernel lists;
    private final Kernel sum;
    private final KernelFamily geglu;
    private final KernelFamily down;
    private final Map<WeightFormat, Kernel> ownGeglu = new EnumMap<>(WeightFormat.class);
    private final Map<WeightFormat, Kernel> ownDown = new EnumMap<>(WeightFormat.class);
    private final List<DeviceBuffer> taken = new ArrayList<>();
    private @Nullable DeviceBuffer list;
    private @Nullable DeviceBuffer spans;
    private @Nullable DeviceBuffer partial;

    /** What a threadgroup makes at a time: entries by outputs, for gate and up half of the outputs each. */
    private record Tile(int entries, int outs, int threads) {}

    ExpertGemm(Encoder encoder, Shaders shaders, GpuDriver driver, StepLimits limits) {
        this.encoder = encoder;
        this.driver = driver;
        maxRows = limits.maxRows();
        lists = shaders.kernel("expert_gemm.metal", "expert_lists");
        sum = shaders.kernel("expert_gemm.metal", "expert_sum");
        geglu = shaders.byFormat("expert_gemm.metal", "expert_gemm.metal", "expert_gemm_geglu_%s");
        down = shaders.byFormat("expert_gemm.metal", "expert_gemm.metal", "expert_gemm_down_%s");
        for (WeightFormat format : WeightFormat.values()) {
            if (format.isAffine() || format == WeightFormat.BF16) {
                own(shaders, "expert_mma_geglu_", format).ifPresent(kernel -> ownGeglu.put(format, kernel));
                own(shaders, "expert_mma_down_", format).ifPresent(kernel -> ownDown.put(format, kernel));
            }
        }
    }

    private static Optional<Kernel> own(Shaders shaders, String function, WeightFormat format) {
        return shaders.own("expert_gemm_mma", function + format.kernelName(), format.functionConstants());
    }

    /** The driver's own kernel for this product, if there is one. */
    private static @Nullable Kernel own(Map<WeightFormat, Kernel> kernels, Tensor x, ExpertWeight... weights) {
        for (ExpertWeight w : weights) {
            boolean fits = w.cols() % 32 == 0
                    && WeightFormat.aligned(w.stack())
                    && (!(w.stack() instanceof DenseWeight dense) || dense.at().byteOffset() % 16 == 0);
            if (!fits) {
                return null;
            }
        }
        return Encoder.aligned(x) ? kernels.get(WeightFormat.of(weights[0].stack())) : null;
    }

    /** Whether lists by expert are better than a pass over the weights for every row. */
    boolean takes(Tensor x, ExpertWeight w, Routing routing) {
        return encoder.rows(x) * routing.topK() >= MIN_ENTRIES * w.numExperts();
    }

    void geglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        int rows = encoder.rows(x);
        list(routing, gate.numExperts(), rows);
        Kernel own = own(ownGeglu, x, gate, up);
        encoder.kernel(own == null ? geglu.of(gate.stack()) : own);
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
        Tile tile = own == null ? SHADER_TILE : OWN_TILE;
        if (own != null) {
            encoder.threadgroupMemory(ownTileBytes(gate));
        }
        runGemm(gate, tile, tile.outs() / 2, rows * routing.topK());
    }

    void down(Tensor out, Tensor h, ExpertWeight weight, Routing routing) {
        int rows = encoder.rows(h);
        int entries = rows * routing.topK();
        list(routing, weight.numExperts(), rows);
        long mostBytes = DType.F32.bytes((long) maxRows * routing.topK() * weight.rows());
        DeviceBuffer outputs = grown(partial, mostBytes, "outputs of experts");
        partial = outputs;
        long bytes = DType.F32.bytes((long) entries * weight.rows());
        Kernel own = own(ownDown, h, weight);
        encoder.kernel(own == null ? down.of(weight.stack()) : own);
        gemmArgs(weight.rows(), h, weight, routing)
                .put(weight.rowStride())
                .put(weight.firstRow())
                .put(0)
                .put(0);
        encoder.reads(h);
        readsLists(routing, weight.numExperts(), rows);
        encoder.anyWeight(weight.stack());
        encoder.writes(outputs, 0, bytes);
        Tile tile = own == null ? SHADER_TILE : OWN_TILE;
        if (own != null) {
            encoder.threadgroupMemory(ownTileBytes(weight));
        }
        runGemm(weight, tile, tile.outs(), entries);
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

    /** Two buffers of entries and their remainders, and of outputs, those of affine weights with remainders. */
    private static int ownTileBytes(ExpertWeight w) {
        int outParts = w.stack() instanceof DenseWeight ? 1 : 2;
        return (int) DType.BF16.bytes(2L * (2 * OWN_TILE.entries() + outParts * OWN_TILE.outs()) * OWN_STRIDE);
    }

    private void runGemm(ExpertWeight w, Tile tile, int outs, int entries) {
        int tiles = Math.ceilDiv(Math.ceilDiv(entries, w.numExperts()), tile.entries());
        encoder.run(Math.ceilDiv(w.rows(), outs), w.numExperts(), Math.clamp(tiles, 1, MAX_SHARES), tile.threads());
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
