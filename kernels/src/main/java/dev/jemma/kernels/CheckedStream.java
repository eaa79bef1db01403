package dev.jemma.kernels;

/** Hands out {@link CheckedCommands} and refuses steps beyond the stream's limits. */
final class CheckedStream implements CommandStream {
    private final CommandStream stream;
    private final StepLimits limits;
    private final Step step;
    private final CheckedCommands checked;
    private boolean encoding;

    CheckedStream(CommandStream stream, StepLimits limits) {
        this.stream = stream;
        this.limits = limits;
        this.step = new Step(limits.maxRows(), limits.maxOutputRows());
        this.checked = new CheckedCommands(new OpCheck(limits, step));
    }

    @Override
    public Commands begin(Step next) {
        if (encoding) {
            throw new IllegalStateException("the step before this one was neither submitted nor abandoned");
        }
        checkStep(next);
        step.copyFrom(next);
        checked.begin(stream.begin(next));
        encoding = true;
        return checked;
    }

    private void checkStep(Step next) {
        RowTable rows = next.rows(RowSet.ALL);
        if (rows.count() == 0) {
            throw new IllegalArgumentException("the step has no rows");
        }
        if (rows.count() > limits.maxRows() || next.count(RowSet.OUTPUT) > limits.maxOutputRows()) {
            throw new IllegalArgumentException(next + " exceeds " + limits);
        }
        for (int row = 0; row < rows.count(); row++) {
            if (rows.slot(row) >= limits.maxSlots() || rows.position(row) >= limits.maxContext()) {
                throw new IllegalArgumentException("row " + row + ": slot " + rows.slot(row) + ", position "
                        + rows.position(row) + " exceed " + limits);
            }
        }
    }

    @Override
    public long submit() {
        end();
        return stream.submit();
    }

    @Override
    public void abandon() {
        end();
        stream.abandon();
    }

    private void end() {
        if (!encoding) {
            throw new IllegalStateException("no step was begun");
        }
        encoding = false;
        checked.end();
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
        stream.close();
    }
}
