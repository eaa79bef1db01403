package dev.jemma.kernels.reference;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.KvView;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.host.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** RoPE, the cache and attention. */
final class AttentionOps {
    /** Largest finite F16. */
    private static final float F16_MAX = 65504;

    private AttentionOps() {}

    static void rope(int count, Tensor x, Tensor rotations) {
        Rows heads = Rows.of(x);
        Rows angles = Rows.of(rotations);
        int headDim = rotations.cols();
        int half = headDim / 2;
        for (int r = 0; r < count; r++) {
            double[] cos = angles.row(r, 0, half);
            double[] sin = angles.row(r, half, half);
            for (int first = 0; first < x.cols(); first += headDim) {
                double[] head = heads.row(r, first, headDim);
                for (int i = 0; i < half; i++) {
                    double x1 = head[i];
                    double x2 = head[half + i];
                    head[i] = x1 * cos[i] - x2 * sin[i];
                    head[half + i] = x2 * cos[i] + x1 * sin[i];
                }
                heads.putRow(r, first, head);
            }
        }
    }

    static void storeKv(RowTable rows, KvView kv, Tensor k, Tensor v) {
        store(rows, kv, kv.keys(), k);
        store(rows, kv, kv.values(), v);
    }

    private static void store(RowTable rows, KvView kv, Region region, Tensor x) {
        MemorySegment cache = HostBuffer.segment(region);
        Rows source = Rows.of(x);
        for (int r = 0; r < rows.count(); r++) {
            for (int head = 0; head < kv.numKvHeads(); head++) {
                long element = kv.element(rows.slot(r), head, rows.position(r));
                put(cache, kv.dtype(), element, source.row(r, head * kv.headDim(), kv.headDim()));
            }
        }
    }

    private static void put(MemorySegment cache, DType dtype, long element, double[] values) {
        if (dtype == DType.F32) {
            float[] floats = new float[values.length];
            for (int i = 0; i < floats.length; i++) {
                floats[i] = (float) values[i];
            }
            MemorySegment.copy(floats, 0, cache, Rows.F32, dtype.bytes(element), floats.length);
            return;
        }
        short[] halves = new short[values.length];
        for (int i = 0; i < halves.length; i++) {
            halves[i] = Float.floatToFloat16(Math.clamp((float) values[i], -F16_MAX, F16_MAX));
        }
        MemorySegment.copy(halves, 0, cache, ValueLayout.JAVA_SHORT_UNALIGNED, dtype.bytes(element), halves.length);
    }

    static void attention(RowTable rows, Tensor out, Tensor q, KvView kv, float scale, float softcap) {
        Rows target = Rows.of(out);
        Rows queries = Rows.of(q);
        int headDim = kv.headDim();
        int numHeads = q.cols() / headDim;
        int headsPerKvHead = numHeads / kv.numKvHeads();
        for (int r = 0; r < rows.count(); r++) {
            for (int h = 0; h < numHeads; h++) {
                double[] query = queries.row(r, h * headDim, headDim);
                double[] result = attend(
                        query, kv, rows.slot(r), h / headsPerKvHead, rows.position(r), new Scoring(scale, softcap));
                target.putRow(r, h * headDim, result);
            }
        }
    }

    /** How a product of query and key becomes a score; a {@code softcap} of 0 is none. */
    private record Scoring(double scale, double softcap) {
        double score(double product) {
            double score = scale * product;
            return softcap > 0 ? RowOps.softcap(score, softcap) : score;
        }
    }

    /** The mean of the values one query sees, weighted by the softmax of its scores. */
    private static double[] attend(double[] query, KvView kv, int slot, int kvHead, int position, Scoring scoring) {
        MemorySegment keys = HostBuffer.segment(kv.keys());
        MemorySegment values = HostBuffer.segment(kv.values());
        int first = kv.firstVisible(position);
        double[] scores = new double[position - first + 1];
        for (int i = 0; i < scores.length; i++) {
            double[] key = WeightRows.elements(keys, kv.dtype(), kv.element(slot, kvHead, first + i), kv.headDim());
            scores[i] = scoring.score(WeightRows.dot(query, key));
        }
        double[] weights = softmax(scores);
        double[] result = new double[query.length];
        for (int i = 0; i < weights.length; i++) {
            double[] value = WeightRows.elements(values, kv.dtype(), kv.element(slot, kvHead, first + i), kv.headDim());
            for (int c = 0; c < result.length; c++) {
                result[c] += weights[i] * value[c];
            }
        }
        return result;
    }

    /** {@code e^(s_i) / sum_j e^(s_j)}, shifted by the largest score so that nothing overflows. */
    static double[] softmax(double[] scores) {
        double max = Double.NEGATIVE_INFINITY;
        for (double score : scores) {
            max = Math.max(max, score);
        }
        double[] weights = new double[scores.length];
        double sum = 0;
        for (int i = 0; i < scores.length; i++) {
            weights[i] = Math.exp(scores[i] - max);
            sum += weights[i];
        }
        for (int i = 0; i < weights.length; i++) {
            weights[i] /= sum;
        }
        return weights;
    }

    static void copySlot(KvView kv, int fromSlot, int toSlot, int rows) {
        for (Region region : new Region[] {kv.keys(), kv.values()}) {
            MemorySegment cache = HostBuffer.segment(region);
            for (int head = 0; head < kv.numKvHeads(); head++) {
                long from = kv.dtype().bytes(kv.element(fromSlot, head, 0));
                long to = kv.dtype().bytes(kv.element(toSlot, head, 0));
                MemorySegment.copy(cache, from, cache, to, kv.dtype().bytes((long) rows * kv.headDim()));
            }
        }
    }
}
