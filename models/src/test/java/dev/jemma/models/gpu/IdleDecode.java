package dev.jemma.models.gpu;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.gpu.GpuDevice;
import dev.jemma.kernels.gpu.IdleDriver;
import dev.jemma.kvcache.KvCache;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.gemma.GemmaForward;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Decode steps of a checkpoint on a GPU that does nothing: all that is left is the host's part. */
final class IdleDecode implements AutoCloseable {
    private static final int CONTEXT = 1024;
    private static final int[] TOKEN = {7};

    private final IdleDriver driver = new IdleDriver();
    private final Device device = new GpuDevice(driver);
    private final GemmaModel model;
    private final KvCache cache;
    private final GemmaForward forward;
    private final CommandStream stream;
    private final Step step = new Step(1, 1);

    IdleDecode(Path checkpoint) {
        model = GemmaModel.load(checkpoint, device);
        cache = KvCache.allocate(device, GemmaForward.cacheSpec(model.config(), 1, CONTEXT, 1, DType.F16));
        forward = new GemmaForward(model.config(), model.weights(), device, cache, 1, 1);
        stream = device.openStream(forward.limits());
    }

    IdleDriver driver() {
        return driver;
    }

    int numLayers() {
        return model.config().numLayers();
    }

    /** One decode step and its argmax. */
    void step(int position) {
        step.clear();
        step.addSpan(0, position, TOKEN, 0, 1, 1);
        var commands = stream.begin(step);
        forward.encode(commands, step);
        commands.argmax(forward.sampled(), forward.logits());
        stream.await(stream.submit());
    }

    /** Dispatches of each layer of one decode step. */
    List<Integer> dispatchesPerLayer(int position) {
        List<Integer> before = new ArrayList<>();
        step.clear();
        step.addSpan(0, position, TOKEN, 0, 1, 1);
        forward.encode(stream.begin(step), step, (commands, depth, x) -> before.add(driver.dispatches()));
        stream.await(stream.submit());
        List<Integer> perLayer = new ArrayList<>();
        for (int layer = 0; layer < numLayers(); layer++) {
            perLayer.add(before.get(layer + 1) - before.get(layer));
        }
        return perLayer;
    }

    @Override
    public void close() {
        stream.close();
        forward.close();
        cache.close();
        model.close();
        device.close();
    }
}
