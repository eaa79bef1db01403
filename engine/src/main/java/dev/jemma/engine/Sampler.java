package dev.jemma.engine;

import java.util.BitSet;
import java.util.SplittableRandom;

/**
 * Chooses the tokens of one sequence. Its random numbers come from the seed and the sequence's id alone
 * ({@link SplittableRandom}, one number for each token), so that a text does not depend on threads or on what else is
 * generated at the same time.
 */
final class Sampler {
    /** Spans of logits below the largest, in units of temperature, that are tried for top-p before the whole vocabulary. */
    private static final float[] TOP_P_SPANS = {8, 16, 32, Float.POSITIVE_INFINITY};

    private final SamplingOptions options;
    private final Candidates candidates;
    private final SplittableRandom random;
    private final BitSet seen = new BitSet();

    /** @param candidates scratch memory, which the samplers of a session share */
    Sampler(SamplingOptions options, String sequenceId, Candidates candidates) {
        this.options = options;
        this.candidates = candidates;
        this.random = new SplittableRandom(streamSeed(options.seed(), sequenceId));
    }

    /** FNV-1a over the id: unlike {@link String#hashCode}, ids that differ in one digit give 64 unrelated bits. */
    private static long streamSeed(long seed, String sequenceId) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < sequenceId.length(); i++) {
            hash = (hash ^ sequenceId.charAt(i)) * 0x100000001b3L;
        }
        return seed ^ hash;
    }

    /** The least of a step's results that the choice needs. */
    StepResult needs() {
        if (options.penalizesRepeats()) {
            return StepResult.LOGITS;
        }
        if (options.isGreedy()) {
            return StepResult.ARGMAX;
        }
        boolean fewEnough = options.topK() > 0 && options.topK() <= StepResult.MAX_CANDIDATES;
        return fewEnough ? StepResult.CANDIDATES : StepResult.LOGITS;
    }

    /** Notes a token of the prompt or of the answer, for the repetition penalty. */
    void observe(int id) {
        if (options.penalizesRepeats()) {
            seen.set(id);
        }
    }

    /** The next token's id. {@code logits} are changed. */
    int next(float[] logits) {
        penalizeRepeats(logits);
        if (options.isGreedy()) {
            return argmax(logits);
        }
        if (options.topK() == 0 && options.topP() == 1 && options.minP() == 0) {
            return drawFromAll(logits);
        }
        filter(logits);
        return drawFromCandidates();
    }

    /**
     * The next token's id, of the largest logits in falling order.
     *
     * @return -1 if these are too few to tell: then ask {@link #next}
     */
    int next(int[] ids, float[] largest) {
        if (!candidates.selectLargest(ids, largest, options.topK())) {
            return -1;
        }
        filterTopK();
        return drawFromCandidates();
    }

    void penalizeRepeats(float[] logits) {
        for (int id = seen.nextSetBit(0); id >= 0; id = seen.nextSetBit(id + 1)) {
            float logit = logits[id];
            logits[id] = logit > 0 ? logit / options.repeatPenalty() : logit * options.repeatPenalty();
        }
    }

    /** Leaves in the candidates, likeliest first, the tokens that top-k, top-p and min-p keep of penalized logits. */
    void filter(float[] logits) {
        if (options.topK() > 0) {
            candidates.selectLargest(logits, options.topK());
            filterTopK();
            return;
        }
        if (options.topP() < 1) {
            selectTopP(logits);
        } else {
            selectMinP(logits);
        }
        if (options.minP() > 0) {
            keepMinP();
        }
    }

    private void filterTopK() {
        if (options.topP() < 1) {
            keepTopP(totalWeight());
        }
        if (options.minP() > 0) {
            keepMinP();
        }
    }

    private void selectTopP(float[] logits) {
        float max = logits[argmax(logits)];
        double total = 0;
        for (float logit : logits) {
            total += weight(logit, max);
        }
        for (float span : TOP_P_SPANS) {
            candidates.selectAtLeast(logits, max - span * options.temperature());
            if (totalWeight() >= options.topP() * total) {
                break;
            }
        }
        keepTopP(total);
    }

    /** Twice the exact span, so that rounding excludes none that {@link #keepMinP} would keep. */
    private void selectMinP(float[] logits) {
        float max = logits[argmax(logits)];
        float span = (float) (-Math.log(options.minP()) * options.temperature());
        candidates.selectAtLeast(logits, max - 2 * span);
    }

    /** Drops the tokens before which {@code topP} of the probability has been reached. */
    private void keepTopP(double total) {
        double before = 0;
        int kept = 0;
        while (kept < candidates.count() && (kept == 0 || before < options.topP() * total)) {
            before += candidateWeight(kept++);
        }
        candidates.keep(kept);
    }

    private void keepMinP() {
        int kept = 1;
        while (kept < candidates.count() && candidateWeight(kept) >= options.minP()) {
            kept++;
        }
        candidates.keep(kept);
    }

    private int drawFromCandidates() {
        double target = random.nextDouble() * totalWeight();
        int i = 0;
        for (double sum = candidateWeight(0); sum <= target && i < candidates.count() - 1; ) {
            sum += candidateWeight(++i);
        }
        return candidates.id(i);
    }

    private int drawFromAll(float[] logits) {
        float max = logits[argmax(logits)];
        double total = 0;
        for (float logit : logits) {
            total += weight(logit, max);
        }
        double target = random.nextDouble() * total;
        int id = 0;
        for (double sum = weight(logits[0], max); sum <= target && id < logits.length - 1; ) {
            sum += weight(logits[++id], max);
        }
        return id;
    }

    private double totalWeight() {
        double total = 0;
        for (int i = 0; i < candidates.count(); i++) {
            total += candidateWeight(i);
        }
        return total;
    }

    /** Probability of a candidate relative to the first's. */
    double candidateWeight(int i) {
        return weight(candidates.logit(i), candidates.logit(0));
    }

    private double weight(float logit, float max) {
        return Math.exp(((double) logit - max) / options.temperature());
    }

    static int argmax(float[] logits) {
        int best = 0;
        for (int id = 1; id < logits.length; id++) {
            if (logits[id] > logits[best]) {
                best = id;
            }
        }
        return best;
    }
}
