package dev.jemma.engine;

import dev.jemma.kernels.CommandStream;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Device;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.Tensor;
import dev.jemma.kvcache.KvCache;
import dev.jemma.models.GemmaModel;
import dev.jemma.models.gemma.GemmaForward;
import java.lang.foreign.MemorySegment;
import java.util.function.IntConsumer;

/**
 * How well a model predicts a text: every token's probability after those before it. A text longer than the window is
 * read in windows that overlap by half, and of each but the first only the later half counts, so that every token is
 * predicted from at least half a window.
 */
public final class Perplexity implements AutoCloseable {
    /** Logits of this many rows are held at once: 64 MiB for a vocabulary of 262,144. */
    private static final int ROWS = 64;

    private final int window;
    private final int bosId;
    private final KvCache cache;
    private final GemmaForward forward;
    private final CommandStream stream;
    private final Step step = new Step(ROWS, ROWS);
    private final float[] logits;

    /**
     * The mean over tokens of {@code -ln p}, and what follows from it.
     *
     * @param tokens predicted
     * @param meanLoss nats per token
     * @param deviation of one token's loss
     */
    public record Score(int tokens, double meanLoss, double deviation) {
        public double perplexity() {
            return Math.exp(meanLoss);
        }

        /** Standard error of {@link #perplexity}, the tokens' losses taken as independent. */
        public double standardError() {
            return perplexity() * deviation / Math.sqrt(tokens);
        }
    }

    /**
     * Takes the memory for it.
     *
     * @param window positions, 2 or more
     * @param bosId stands at the start of every window
     */
    public Perplexity(GemmaModel model, Device device, int window, DType kvType, int bosId) {
        if (window < 2) {
            throw new UsageException("ctx-size: expected 2 or more, got " + window);
        }
        this.window = window;
        this.bosId = bosId;
        this.logits = new float[model.config().vocabSize()];
        cache = KvCache.allocate(device, GemmaForward.cacheSpec(model.config(), 1, window, ROWS, kvType));
        GemmaForward opened = null;
        try {
            opened = new GemmaForward(model.config(), model.weights(), device, cache, ROWS, ROWS);
            stream = device.openStream(opened.limits());
            forward = opened;
        } catch (RuntimeException failure) {
            if (opened != null) {
                opened.close();
            }
            cache.close();
            throw failure;
        }
    }

    /**
     * Scores a text.
     *
     * @param tokens without a beginning-of-text token, at least one
     * @param progress hears how many tokens have been predicted
     */
    public Score score(int[] tokens, IntConsumer progress) {
        if (tokens.length == 0) {
            throw new UsageException("text: expected at least one token, got none");
        }
        double[] losses = new double[tokens.length];
        int done = 0;
        int[] ids = new int[window];
        while (done < tokens.length) {
            int start = done == 0 ? 0 : Math.max(0, done - window / 2);
            int count = Math.min(window - 1, tokens.length - start);
            ids[0] = bosId;
            System.arraycopy(tokens, start, ids, 1, count);
            // The last id predicts nothing: it is there to be predicted.
            predict(ids, count, done - start, losses, done, progress);
            done = start + count;
        }
        return score(losses);
    }

    private static Score score(double[] losses) {
        double sum = 0;
        for (double loss : losses) {
            sum += loss;
        }
        double mean = sum / losses.length;
        double squares = 0;
        for (double loss : losses) {
            squares += (loss - mean) * (loss - mean);
        }
        return new Score(losses.length, mean, losses.length < 2 ? 0 : Math.sqrt(squares / (losses.length - 1)));
    }

    /** Feeds {@code ids[0, count)}; row {@code i} predicts id {@code i + 1}, and rows from {@code first} on count. */
    private void predict(int[] ids, int count, int first, double[] losses, int at, IntConsumer progress) {
        cache.clear(0);
        int next = at;
        for (int from = 0; from < count; from += ROWS) {
            int to = Math.min(count, from + ROWS);
            int outputs = Math.clamp(to - (long) first, 0, to - from);
            run(ids, from, to, outputs);
            for (int row = 0; row < outputs; row++) {
                losses[next++] = loss(row, ids[to - outputs + row + 1]);
            }
            progress.accept(next);
        }
    }

    private void run(int[] ids, int from, int to, int outputs) {
        step.clear();
        step.addSpan(0, from, ids, from, to, outputs);
        long ticket;
        try {
            forward.encode(stream.begin(step), step);
            ticket = stream.submit();
        } catch (RuntimeException failure) {
            stream.abandon();
            throw failure;
        }
        stream.await(ticket);
        cache.append(0, to - from);
    }

    private double loss(int row, int id) {
        Tensor tensor = forward.logits();
        tensor.at().buffer().read(tensor.rowOffset(row), MemorySegment.ofArray(logits));
        return TokenLogprob.logTotal(logits) - logits[id];
    }

    @Override
    public void close() {
        stream.close();
        forward.close();
        cache.close();
    }
}
