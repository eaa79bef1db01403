package dev.jemma.kernels.gpu;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import java.lang.foreign.Arena;

/** A driver's stream with ops instead of dispatches. */
final class GpuCommandStream implements CommandStream {
    private final Arena arena = Arena.ofShared();
    private final GpuStream stream;
    private final Encoder encoder;
    private final GpuCommands commands;

    GpuCommandStream(GpuDriver driver, Shaders shaders, StepLimits limits, KernelChoice choice) {
        stream = driver.openStream();
        encoder = new Encoder(stream, limits, choice, arena);
        commands = new GpuCommands(encoder, shaders, driver, limits, choice);
    }

    @Override
    public Commands begin(Step step) {
        encoder.begin(step);
        return commands;
    }

    @Override
    public long submit() {
        return stream.submit();
    }

    @Override
    public void abandon() {
        stream.abandon();
    }

    @Override
    public void await(long ticket) {
        stream.await(ticket);
    }

    @Override
    public long deviceNanos() {
        return stream.deviceNanos();
    }

    @Override
    public void close() {
        try {
            stream.close();
        } finally {
            commands.close();
            arena.close();
        }
    }
}
