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
            for (int first = 0; first < x.cols(); first += headDim) {
                for (int i = 0; i < half; i++) {
                    double cos = angles.at(r, i);
                    double sin = angles.at(r, half + i);
                    double x1 = heads.at(r, first + i);
                    double x2 = heads.at(r, first + half + i);
                    heads.put(r, first + i, x1 * cos - x2 * sin);
                    heads.put(r, first + half + i, x2 * cos + x1 * sin);
                }
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
                for (int i = 0; i < kv.headDim(); i++) {
                    put(cache, kv.dtype(), element + i, source.at(r, head * kv.headDim() + i));
                }
            }
        }
    }

    private static void put(MemorySegment cache, DType dtype, long element, float value) {
        if (dtype == DType.F32) {
            cache.set(Rows.F32, dtype.bytes(element), value);
        } else {
            float saturated = Math.clamp(value, -F16_MAX, F16_MAX);
            cache.set(ValueLayout.JAVA_SHORT_UNALIGNED, dtype.bytes(element), Float.floatToFloat16(saturated));
        }
    }

    private static double[] cacheRow(MemorySegment cache, KvView kv, long element) {
        double[] values = new double[kv.headDim()];
        for (int i = 0; i < values.length; i++) {
            long offset = kv.dtype().bytes(element + i);
            values[i] = kv.dtype() == DType.F32
                    ? cache.get(Rows.F32, offset)
                    : Float.float16ToFloat(cache.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset));
        }
        return values;
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
                for (int i = 0; i < headDim; i++) {
                    target.put(r, h * headDim + i, result[i]);
                }
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
            double[] key = cacheRow(keys, kv, kv.element(slot, kvHead, first + i));
            scores[i] = scoring.score(WeightRows.dot(query, key));
        }
        double[] weights = softmax(scores);
        double[] result = new double[query.length];
        for (int i = 0; i < weights.length; i++) {
            double[] value = cacheRow(values, kv, kv.element(slot, kvHead, first + i));
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
