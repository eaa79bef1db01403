package dev.jemma.models.gemma;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import java.util.ArrayList;
import java.util.List;

/** What a forward pass writes: ids, activations of all rows and of the output rows, logits. */
final class ForwardMemory implements AutoCloseable {
    private final List<AutoCloseable> owned = new ArrayList<>();
    private Tensor ids;
    private Tensor logits;
    private Tensor sampled;
    private Tensor previousSampled;
    private Activations all;
    private Activations output;

    @SuppressWarnings("NullAway.Init")
    ForwardMemory(GemmaConfig config, Device device, int maxRows, int maxOutputRows) {
        try {
            ids = Tensor.i32(own(device.allocate(DType.I32.bytes(maxRows), "token ids")), RowSet.ALL, 1);
            sampled = sampled(device, maxOutputRows);
            previousSampled = sampled(device, maxOutputRows);
            long logitCount = Math.multiplyExact((long) maxOutputRows, config.vocabSize());
            DeviceBuffer logitBuffer = own(device.allocate(DType.F32.bytes(logitCount), "logits"));
            logits = Tensor.f32(logitBuffer, RowSet.OUTPUT, config.vocabSize());
            all = own(new Activations(config, device, RowSet.ALL, maxRows));
            output = own(new Activations(config, device, RowSet.OUTPUT, maxOutputRows));
        } catch (DeviceException failure) {
            close();
            throw failure;
        }
    }

    private Tensor sampled(Device device, int maxOutputRows) {
        DeviceBuffer buffer = own(device.allocate(DType.I32.bytes(maxOutputRows), "sampled ids"));
        return Tensor.i32(buffer, RowSet.OUTPUT, 1);
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    /** Makes what the last step sampled the input of the next, which samples into other memory. */
    void turnOver() {
        Tensor newest = sampled;
        sampled = previousSampled;
        previousSampled = newest;
    }

    Tensor ids() {
        return ids;
    }

    Tensor logits() {
        return logits;
    }

    Tensor sampled() {
        return sampled;
    }

    Tensor previousSampled() {
        return previousSampled;
    }

    Activations all() {
        return all;
    }

    Activations output() {
        return output;
    }

    @Override
    public void close() {
        for (AutoCloseable resource : owned.reversed()) {
            switch (resource) {
                case DeviceBuffer buffer -> buffer.close();
                case Activations activations -> activations.close();
                default -> throw new AssertionError(resource);
            }
        }
        owned.clear();
    }
}
