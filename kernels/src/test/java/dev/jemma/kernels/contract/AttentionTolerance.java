package dev.jemma.kernels.contract;

import dev.jemma.kernels.KvView;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.Tensor;

/**
 * Bounds on attention: the error of the scores moves the weights of the mean, and no output exceeds the largest value
 * that its query sees.
 */
final class AttentionTolerance implements Tolerance {
    private final Bench bench;
    private final CacheBlocks cache;
    private final Tensor q;
    private final double scale;
    private final double softcap;
    private double[] bounds = {};

    AttentionTolerance(Bench bench, CacheBlocks cache, Tensor q, double scale, double softcap) {
        this.bench = bench;
        this.cache = cache;
        this.q = q;
        this.scale = scale;
        this.softcap = softcap;
    }

    @Override
    public double bound(int row, int col, double expected) {
        if (bounds.length == 0) {
            bounds = new double[bench.count(q.rows()) * q.cols()];
            int headDim = cache.view().headDim();
            for (int i = 0; i < bounds.length; i += headDim) {
                fillHead(i / q.cols(), i % q.cols() / headDim);
            }
        }
        return bounds[row * q.cols() + col];
    }

    private void fillHead(int row, int head) {
        KvView kv = cache.view();
        RowTable rows = bench.step().rows(q.rows());
        int slot = rows.slot(row);
        int position = rows.position(row);
        int kvHead = head / (q.cols() / kv.headDim() / kv.numKvHeads());
        int first = kv.firstVisible(position);
        double scoreError = 0;
        double[] largest = new double[kv.headDim()];
        for (int p = first; p <= position; p++) {
            double magnitude = 0;
            for (int i = 0; i < kv.headDim(); i++) {
                magnitude += Math.abs(bench.value(q, row, head * kv.headDim() + i) * cache.key(slot, kvHead, p, i));
                largest[i] = Math.max(largest[i], Math.abs(cache.value(slot, kvHead, p, i)));
            }
            scoreError = Math.max(scoreError, scoreError(scale * magnitude));
        }
        for (int i = 0; i < kv.headDim(); i++) {
            bounds[row * q.cols() + head * kv.headDim() + i] =
                    bench.arithmetic().weightedMean(position - first + 1, scoreError, largest[i]);
        }
    }

    private double scoreError(double magnitude) {
        double product = bench.arithmetic().dot(cache.view().headDim(), magnitude);
        // The slope of the cap is at most 1; past the cap the score is the cap.
        return softcap == 0 ? product : product + bench.arithmetic().softcap(Math.min(magnitude, softcap), softcap);
    }
}
