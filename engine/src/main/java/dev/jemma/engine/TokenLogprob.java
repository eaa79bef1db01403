package dev.jemma.engine;

import java.util.ArrayList;
import java.util.List;

/**
 * A token and the natural logarithm of the probability that the model gives it, before temperature and the like.
 *
 * @param id token id
 */
public record TokenLogprob(int id, double logprob) {

    /** The {@code n} likeliest tokens, likeliest first. */
    static List<TokenLogprob> best(float[] logits, int n, Candidates candidates) {
        double logTotal = logTotal(logits);
        candidates.selectLargest(logits, n);
        List<TokenLogprob> best = new ArrayList<>(n);
        for (int i = 0; i < Math.min(n, candidates.count()); i++) {
            best.add(new TokenLogprob(candidates.id(i), candidates.logit(i) - logTotal));
        }
        return best;
    }

    /** {@code log(sum(exp(logits)))}. */
    static double logTotal(float[] logits) {
        double max = logits[Sampler.argmax(logits)];
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - max);
        }
        return max + Math.log(sum);
    }
}
