package dev.jemma.engine;

/**
 * How the next token is chosen from the logits. Applied in Hugging Face's order: repetition penalty, temperature,
 * top-k, top-p, min-p.
 *
 * @param temperature what logits are divided by; 0 takes the likeliest token always
 * @param topK keep only the k likeliest tokens, and those level with the k-th; 0 keeps all
 * @param topP keep the likeliest tokens that together reach this probability; 1 keeps all
 * @param minP keep tokens at least this fraction as likely as the likeliest; 0 keeps all
 * @param repeatPenalty divides positive and multiplies negative logits of tokens seen before; 1 for none
 * @param seed same seed, same request id, same text
 */
public record SamplingOptions(float temperature, int topK, float topP, float minP, float repeatPenalty, long seed) {
    public static final SamplingOptions GREEDY = new SamplingOptions(0, 0, 1, 0, 1, 0);

    public SamplingOptions {
        require(Float.isFinite(temperature) && temperature >= 0, "temperature", "0 or more", temperature);
        require(topK >= 0, "top-k", "0 or more", topK);
        require(topP > 0 && topP <= 1, "top-p", "a number above 0 and up to 1", topP);
        require(minP >= 0 && minP <= 1, "min-p", "a number from 0 to 1", minP);
        require(
                Float.isFinite(repeatPenalty) && repeatPenalty > 0,
                "repeat-penalty",
                "a number above 0",
                repeatPenalty);
    }

    private static void require(boolean holds, String option, String expected, Number got) {
        if (!holds) {
            throw new UsageException(option + ": expected " + expected + ", got " + got);
        }
    }

    /** The likeliest token is taken, whatever the other options say. */
    public boolean isGreedy() {
        return temperature == 0;
    }

    public boolean penalizesRepeats() {
        return repeatPenalty != 1;
    }
}
