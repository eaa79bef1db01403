package dev.jemma.app.flags;

import dev.jemma.engine.UsageException;
import picocli.CommandLine.Option;

/** How many threads compute. */
public final class ThreadFlags {
    @Option(
            names = {"-t", "--threads"},
            paramLabel = "N",
            description = "Threads of the cpu backend; default: one per core.")
    private int threads;

    /** As the user has it: 0 for one per core. */
    public int threads() {
        return checked(threads);
    }

    /**
     * The number itself.
     *
     * @throws UsageException if it is negative
     */
    public static int checked(int threads) {
        if (threads < 0) {
            throw new UsageException("threads: expected 1 or more, or 0 for one per core, got " + threads);
        }
        return threads;
    }
}
