package dev.jemma.models.gemma;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Every activation of a forward pass over one row set, allocated once for the largest step. */
final class Activations implements AutoCloseable {
    private final Device device;
    private final RowSet rows;
    private final int maxRows;
    private final List<DeviceBuffer> buffers = new ArrayList<>();
    private final List<LayerActivations> layers = new ArrayList<>();
    private Stream stream;
    private @Nullable Tensor slidingRotations;
    private @Nullable Tensor fullRotations;
    private @Nullable PerLayerInputs perLayerInputs;
    private @Nullable Experts experts;

    /**
     * What every layer reads and writes.
     *
     * @param x residual stream, {@code [rows, hiddenSize]}
     * @param norm what a block reads: the normalised stream, {@code [rows, hiddenSize]}
     * @param out what a block adds to the stream, {@code [rows, hiddenSize]}
     */
    record Stream(Tensor x, Tensor norm, Tensor out) {}

    /**
     * One layer's views of memory that all layers share.
     *
     * @param qkv queries, keys and values in the layer's shape
     * @param attention {@code [rows, numHeads * headDim]}
     * @param rotations {@code [rows, headDim]}, of the layer's kind
     * @param gate {@code [rows, intermediateSize]}
     * @param up {@code [rows, intermediateSize]}
     * @param perLayerInput {@code [rows, perLayerInputSize]}: the layer's slice; null without per-layer inputs
     */
    record LayerActivations(
            Qkv qkv,
            Tensor attention,
            Tensor rotations,
            Tensor gate,
            Tensor up,
            @Nullable Tensor perLayerInput) {}

    /**
     * @param inputs {@code [rows, numLayers * perLayerInputSize]}
     * @param context {@code [rows, numLayers * perLayerInputSize]}: the projection of the embeddings
     * @param gate {@code [rows, perLayerInputSize]}
     */
    record PerLayerInputs(Tensor inputs, Tensor context, Tensor gate) {}

    /**
     * @param logits {@code [rows, numExperts]}
     * @param hidden {@code [rows, topK * intermediateSize]}
     * @param out {@code [rows, hiddenSize]}
     */
    record Experts(Tensor logits, Routing routing, Tensor hidden, Tensor out) {}

    @SuppressWarnings("NullAway.Init")
    Activations(GemmaConfig config, Device device, RowSet rows, int maxRows) {
        this.device = device;
        this.rows = rows;
        this.maxRows = maxRows;
        try {
            stream = new Stream(
                    f32("residual stream", config.hiddenSize()),
                    f32("normalised stream", config.hiddenSize()),
                    f32("block output", config.hiddenSize()));
            perLayerInputs = perLayerInputs(config);
            experts = config.experts() == null ? null : experts(config.hiddenSize(), config.experts());
            allocateLayers(config);
        } catch (DeviceException failure) {
            close();
            throw failure;
        }
    }

    private @Nullable PerLayerInputs perLayerInputs(GemmaConfig config) {
        int size = config.perLayerInputSize();
        if (size == 0) {
            return null;
        }
        int cols = config.numLayers() * size;
        return new PerLayerInputs(
                f32("per-layer inputs", cols), f32("per-layer context", cols), f32("per-layer gate", size));
    }

    private Experts experts(int hiddenSize, ExpertConfig moe) {
        Tensor ids = Tensor.i32(allocate("expert ids", moe.topK()), rows, moe.topK());
        return new Experts(
                f32("router logits", moe.numExperts()),
                new Routing(ids, f32("expert weights", moe.topK())),
                f32("expert hidden", moe.topK() * moe.intermediateSize()),
                f32("expert output", hiddenSize));
    }

    private void allocateLayers(GemmaConfig config) {
        WidestLayer widest = WidestLayer.of(config);
        Tensor attention = f32("attention", widest.queryCols());
        Tensor q = f32("queries", widest.queryCols());
        Tensor k = f32("keys", widest.kvCols());
        Tensor v = f32("values", widest.kvCols());
        Tensor gate = f32("gate", widest.intermediateSize());
        Tensor up = f32("up", widest.intermediateSize());
        for (int i = 0; i < config.numLayers(); i++) {
            LayerConfig layer = config.layers().get(i);
            int queryCols = config.numHeads() * layer.headDim();
            int kvCols = layer.numKvHeads() * layer.headDim();
            layers.add(new LayerActivations(
                    new Qkv(dense(q, queryCols), dense(k, kvCols), dense(v, kvCols), layer.valuesFromKeys()),
                    dense(attention, queryCols),
                    rotations(layer),
                    dense(gate, layer.intermediateSize()),
                    dense(up, layer.intermediateSize()),
                    perLayerSlice(i, config.perLayerInputSize())));
        }
    }

    private Tensor rotations(LayerConfig layer) {
        if (layer.sliding()) {
            slidingRotations = slidingRotations != null ? slidingRotations : f32("sliding rotations", layer.headDim());
            return slidingRotations;
        }
        fullRotations = fullRotations != null ? fullRotations : f32("full rotations", layer.headDim());
        return fullRotations;
    }

    private @Nullable Tensor perLayerSlice(int layer, int size) {
        return perLayerInputs == null ? null : perLayerInputs.inputs().columns(layer * size, size);
    }

    private Tensor f32(String label, int cols) {
        return Tensor.f32(allocate(label, cols), rows, cols);
    }

    private DeviceBuffer allocate(String label, int cols) {
        DeviceBuffer buffer = device.allocate(DType.F32.bytes((long) maxRows * cols), label);
        buffers.add(buffer);
        return buffer;
    }

    /** The same memory as rows of {@code cols} columns, one behind the other. */
    private static Tensor dense(Tensor wide, int cols) {
        return new Tensor(wide.at(), wide.dtype(), wide.rows(), cols, cols);
    }

    Stream stream() {
        return stream;
    }

    LayerActivations layer(int layer) {
        return layers.get(layer);
    }

    @Nullable
    Tensor slidingRotations() {
        return slidingRotations;
    }

    @Nullable
    Tensor fullRotations() {
        return fullRotations;
    }

    @Nullable
    PerLayerInputs perLayerInputs() {
        return perLayerInputs;
    }

    @Nullable
    Experts experts() {
        return experts;
    }

    @Override
    public void close() {
        for (DeviceBuffer buffer : buffers.reversed()) {
            buffer.close();
        }
        buffers.clear();
    }
}
