package dev.jemma.app.flags;

import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.TextModel;
import dev.jemma.kernels.Device;
import java.nio.file.Path;

/** A model on a device, closed together. */
public final class LoadedModel implements AutoCloseable {
    private final Device device;
    private final TextModel model;
    private final long loadNanos;

    private LoadedModel(Device device, TextModel model, long loadNanos) {
        this.device = device;
        this.model = model;
        this.loadNanos = loadNanos;
    }

    public static LoadedModel open(Path directory, ModelFlags flags, ThreadFlags threads) {
        long start = System.nanoTime();
        Device device = flags.openDevice(threads.threads());
        try {
            return new LoadedModel(device, TextModel.open(directory, device), System.nanoTime() - start);
        } catch (RuntimeException failure) {
            device.close();
            throw failure;
        }
    }

    public Device device() {
        return device;
    }

    public TextModel model() {
        return model;
    }

    public long loadNanos() {
        return loadNanos;
    }

    public Session openSession(SessionOptions options) {
        return model.openSession(device, options);
    }

    @Override
    public void close() {
        model.close();
        device.close();
    }
}
