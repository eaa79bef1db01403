package dev.jemma.app.flags;

import dev.jemma.engine.SamplingOptions;
import dev.jemma.models.config.GenerationDefaults;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How tokens are chosen; what the user leaves out is as the checkpoint's authors recommend. */
public final class SamplingFlags {
    @Option(
            names = {"--temp", "--temperature"},
            paramLabel = "T",
            description = "0 takes the likeliest token always, 1 samples as the model says, more is wilder.")
    private @Nullable Float temperature;

    @Option(names = "--top-k", paramLabel = "K", description = "Sample from the K likeliest tokens; 0: from all.")
    private @Nullable Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Sample from the likeliest tokens that together have probability P; 1: from all.")
    private @Nullable Float topP;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description = "Drop tokens less than P times as likely as the likeliest; 0: none.")
    private @Nullable Float minP;

    @Option(
            names = "--repeat-penalty",
            paramLabel = "X",
            description = "Make tokens that have come up before less likely; 1: no.")
    private @Nullable Float repeatPenalty;

    @Option(
            names = {"-s", "--seed"},
            paramLabel = "N",
            description = "Same seed, same text; default: another one each time (the statistics show it).")
    private @Nullable Long seed;

    public SamplingOptions over(GenerationDefaults defaults) {
        return new SamplingOptions(
                temperature != null ? temperature : defaults.temperature(),
                topK != null ? topK : defaults.topK(),
                topP != null ? topP : defaults.topP(),
                minP != null ? minP : defaults.minP(),
                repeatPenalty != null ? repeatPenalty : defaults.repetitionPenalty(),
                seed != null ? seed : ThreadLocalRandom.current().nextLong(1L << 31));
    }
}
