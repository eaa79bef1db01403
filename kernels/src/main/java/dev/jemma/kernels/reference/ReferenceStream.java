package dev.jemma.kernels.reference;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;

/** Runs each op inside the call that encodes it, so that a step has ended when it is submitted. */
final class ReferenceStream implements CommandStream {
    private final Step step;
    private final ReferenceCommands commands;
    private long submitted;
    private long startNanos;
    private long stepNanos;

    ReferenceStream(StepLimits limits) {
        step = new Step(limits.maxRows(), limits.maxOutputRows());
        commands = new ReferenceCommands(step);
    }

    @Override
    public Commands begin(Step next) {
        step.copyFrom(next);
        startNanos = System.nanoTime();
        return commands;
    }

    @Override
    public long submit() {
        stepNanos = System.nanoTime() - startNanos;
        return ++submitted;
    }

    @Override
    public void abandon() {}

    @Override
    public void await(long ticket) {
        if (ticket > submitted) {
            throw new IllegalArgumentException("ticket: expected at most " + submitted + ", got " + ticket);
        }
    }

    @Override
    public long deviceNanos() {
        return stepNanos;
    }

    @Override
    public void close() {}
}
