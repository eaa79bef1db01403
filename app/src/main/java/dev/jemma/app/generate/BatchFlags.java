package dev.jemma.app.generate;

import dev.jemma.engine.UsageException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Many prompts in one run. */
final class BatchFlags {
    private static final int DEFAULT_PARALLEL = 8;
    private static final String WHOLE = "1/1";

    @Option(
            names = "--input",
            paramLabel = "FILE",
            description =
                    "Generate for every line of FILE (- for stdin): JSON objects with prompt or messages and, if"
                            + " wanted, id, system, max_tokens, temperature, top_k, top_p, min_p, repeat_penalty, seed, stop,"
                            + " ignore_eos; a table with such columns if its name ends in .csv; plain prompts if it ends in .txt.")
    private @Nullable String input;

    @Option(
            names = "--output",
            paramLabel = "FILE",
            description = "Where to write a JSON object for each, as it finishes; default: stdout.")
    private @Nullable String output;

    @Option(names = "--parallel", paramLabel = "N", description = "Sequences that run at once; default: 8.")
    private @Nullable Integer parallel;

    @Option(names = "--resume", description = "Continue an interrupted run: keep what --output holds, do the rest.")
    private boolean resume;

    @Option(names = "--strict", description = "Stop at the first bad line instead of reporting it and going on.")
    private boolean strict;

    @Option(
            names = "--shard",
            paramLabel = "I/N",
            description = "Do only every N-th prompt, the I-th first (1/4: 1, 5, 9 ...).")
    private String shard = WHOLE;

    boolean isBatch() {
        return input != null;
    }

    /**
     * Refuses what means something for many prompts only.
     *
     * @throws UsageException if such an option is given for one prompt
     */
    void refuseWithoutInput() {
        if (output != null || parallel != null || resume || strict || !shard.equals(WHOLE)) {
            throw new UsageException("output, parallel, resume, strict, shard: expected --input with them, which"
                    + " names a file of prompts");
        }
    }

    String input() {
        return input == null ? "-" : input;
    }

    String output() {
        return output == null ? "-" : output;
    }

    int parallel() {
        int sequences = parallel == null ? DEFAULT_PARALLEL : parallel;
        if (sequences < 1) {
            throw new UsageException("parallel: expected 1 or more, got " + sequences);
        }
        return sequences;
    }

    boolean resume() {
        return resume;
    }

    boolean strict() {
        return strict;
    }

    /** Whether the prompt with this index, from 0, is this run's. */
    boolean isMine(long index) {
        String[] parts = shard.split("/", -1);
        try {
            int number = Integer.parseInt(parts[0]);
            int count = Integer.parseInt(parts[1]);
            if (parts.length == 2 && number >= 1 && number <= count) {
                return index % count == number - 1;
            }
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException malformed) {
            throw wrongShard();
        }
        throw wrongShard();
    }

    private UsageException wrongShard() {
        return new UsageException("shard: expected I/N with I from 1 to N, got '" + shard + "'");
    }
}
