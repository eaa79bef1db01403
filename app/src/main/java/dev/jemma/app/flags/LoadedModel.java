package dev.jemma.app.flags;

import dev.jemma.app.console.Terminal;
import dev.jemma.engine.Session;
import dev.jemma.engine.SessionOptions;
import dev.jemma.engine.TextModel;
import dev.jemma.kernels.Device;

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

    /** The model that the flags name; {@code terminal} hears of what has to be made first. */
    public static LoadedModel open(ModelFlags flags, ThreadFlags threads, Terminal terminal) {
        long start = System.nanoTime();
        return load(flags.open(threads.threads(), terminal), start);
    }

    /** A model that is not named by the flags. */
    public static LoadedModel open(String name, ModelFlags flags, ThreadFlags threads, Terminal terminal) {
        long start = System.nanoTime();
        return load(flags.open(name, threads.threads(), terminal), start);
    }

    private static LoadedModel load(ModelFlags.Place place, long start) {
        try {
            TextModel model = TextModel.open(place.directory(), place.device());
            return new LoadedModel(place.device(), model, System.nanoTime() - start);
        } catch (RuntimeException failure) {
            place.device().close();
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
