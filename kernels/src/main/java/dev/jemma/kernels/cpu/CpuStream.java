package dev.jemma.kernels.cpu;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.Commands;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.host.HostMemory;
import dev.jemma.kernels.onednn.OneDnn;
import dev.jemma.kernels.reference.ReferenceCommands;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Runs each op inside the call that encodes it, so that a step has ended when it is submitted. */
final class CpuStream implements CommandStream {
    private final Step step;
    private final Scratch scratch;
    private final CpuCommands commands;
    private final AtomicInteger coldSteps;
    private final Supplier<Commands> coldCommands;
    private long submitted;
    private long startNanos;
    private long stepNanos;

    /**
     * @param mayRound whether operands of products may be rounded where that is faster
     * @param coldSteps how many steps, of this stream or others, are still run by {@link ColdCommands}
     */
    CpuStream(
            StepLimits limits,
            KernelChoice choice,
            HostMemory memory,
            RowPool pool,
            @Nullable OneDnn dnn,
            boolean mayRound,
            AtomicInteger coldSteps) {
        this.coldSteps = coldSteps;
        step = new Step(limits.maxRows(), limits.maxOutputRows());
        scratch = new Scratch(limits, memory, pool.threads(), dnn);
        // Which experts are chosen hangs on differences that rounding can turn round.
        boolean rounds = mayRound && limits.numExperts() == 0;
        OneDnnRows warm = OneDnnRows.of(dnn, choice, rounds);
        MachineDots dots = MachineDots.of(choice, mayRound, limits.numExperts() > 0, dnn);
        commands = new CpuCommands(step, limits, choice, warm, dots, pool, scratch);
        OneDnnRows cold = OneDnnRows.cold(dnn);
        coldCommands = () -> new ColdCommands(
                new CpuCommands(step, limits, choice, cold, MachineDots.NONE, pool, scratch),
                new ReferenceCommands(step));
    }

    @Override
    public Commands begin(Step next) {
        step.copyFrom(next);
        startNanos = System.nanoTime();
        boolean cold = coldSteps.getAndUpdate(left -> Math.max(0, left - 1)) > 0;
        return cold && step.count(RowSet.ALL) <= ColdCommands.MAX_ROWS ? coldCommands.get() : commands;
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
    public void close() {
        scratch.close();
    }
}
