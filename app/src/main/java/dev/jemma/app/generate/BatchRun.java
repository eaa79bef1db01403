package dev.jemma.app.generate;

import dev.jemma.app.console.ProgressBar;
import dev.jemma.app.console.Terminal;
import dev.jemma.engine.GenerationEvent;
import dev.jemma.engine.GenerationResult;
import dev.jemma.engine.Scheduler;
import dev.jemma.engine.UsageException;
import java.util.Locale;

/** Feeds a batch's requests to a scheduler and writes each result as it finishes. */
final class BatchRun {
    private final BatchQueue queue;
    private final BatchOutput output;
    private final Terminal terminal;
    private final ProgressBar bar;
    private final long total;
    private final boolean quiet;
    private final long startedAt = System.nanoTime();
    private long texts;
    private long tokens;

    /**
     * @param total prompts of the whole input; -1 if nobody knows
     * @param quiet no statistics at the end
     */
    BatchRun(BatchQueue queue, BatchOutput output, Terminal terminal, long total, boolean quiet) {
        this.queue = queue;
        this.output = output;
        this.terminal = terminal;
        this.total = total;
        this.quiet = quiet;
        this.bar = new ProgressBar(terminal, "generate");
    }

    /** Runs all that the queue holds, {@code parallel} at once. */
    void run(Scheduler scheduler, int parallel) {
        boolean more = true;
        while (more || scheduler.pending() > 0) {
            while (more && scheduler.pending() < parallel) {
                more = submitNext(scheduler);
            }
            scheduler.step();
        }
        bar.clear();
        if (!quiet) {
            terminal.err().println(String.format(Locale.ROOT, "[%s, %.1f s]", said(), seconds()));
        }
    }

    /** Returns whether there may be more. */
    private boolean submitNext(Scheduler scheduler) {
        BatchQueue.Item item = queue.next();
        if (item == null) {
            return false;
        }
        GenerationResult.Collector collector = new GenerationResult.Collector();
        try {
            scheduler.submit(item.request(), event -> {
                collector.accept(event);
                switch (event) {
                    case GenerationEvent.Finished _ -> finish(item, collector.result());
                    case GenerationEvent.Token _ -> {
                        tokens++;
                        bar.show(done(), progress());
                    }
                    default -> {}
                }
            });
        } catch (UsageException tooLong) {
            queue.report(item, tooLong);
        }
        return true;
    }

    private void finish(BatchQueue.Item item, GenerationResult result) {
        bar.clear();
        output.writeLine(BatchResultJson.of(item, result));
        texts++;
        bar.show(done(), progress());
    }

    /** The part of the input that is done with, this run's or not. */
    private double done() {
        return total <= 0 ? -1 : Math.min(1, (double) (queue.read() - queue.waiting() - inWork()) / total);
    }

    private long inWork() {
        return queue.taken() - texts;
    }

    private String progress() {
        return String.format(Locale.ROOT, "%d texts, %.1f tokens/s", texts, tokens / seconds());
    }

    private String said() {
        return String.format(Locale.ROOT, "%d texts, %d tokens, %.1f tokens/s", texts, tokens, tokens / seconds());
    }

    private double seconds() {
        return (System.nanoTime() - startedAt) / 1e9;
    }
}
