package dev.jemma.kernels.reference;

import dev.jemma.kernels.Region;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.host.HostBuffer;
import java.lang.foreign.MemorySegment;

/** Choice of tokens from logits. */
final class ResultOps {
    private ResultOps() {}

    static void suppress(int numRows, Tensor logits, Region ids, int count) {
        Rows target = Rows.of(logits);
        MemorySegment suppressed = HostBuffer.segment(ids);
        for (int r = 0; r < numRows; r++) {
            for (int i = 0; i < count; i++) {
                target.put(r, suppressed.get(Rows.I32, (long) i * Integer.BYTES), -Float.MAX_VALUE);
            }
        }
    }

    static void argmax(int count, Tensor ids, Tensor logits) {
        Rows target = Rows.of(ids);
        for (int r = 0; r < count; r++) {
            target.putId(r, 0, largest(Rows.of(logits).row(r), 1)[0]);
        }
    }

    static void topK(int count, Tensor ids, Tensor values, Tensor logits) {
        Rows targetIds = Rows.of(ids);
        Rows targetValues = Rows.of(values);
        for (int r = 0; r < count; r++) {
            double[] row = Rows.of(logits).row(r);
            int[] chosen = largest(row, ids.cols());
            for (int k = 0; k < chosen.length; k++) {
                targetIds.putId(r, k, chosen[k]);
                targetValues.put(r, k, row[chosen[k]]);
            }
        }
    }

    /** Indices of the {@code k} largest values, largest first, ties to the lower index first. */
    static int[] largest(double[] values, int k) {
        int[] chosen = new int[k];
        int count = 0;
        for (int i = 0; i < values.length; i++) {
            if (count == k && !(values[i] > values[chosen[k - 1]])) {
                continue;
            }
            int place = count == k ? k - 1 : count++;
            // An equal value that came first has the lower index and stays ahead.
            while (place > 0 && values[i] > values[chosen[place - 1]]) {
                chosen[place] = chosen[place - 1];
                place--;
            }
            chosen[place] = i;
        }
        return chosen;
    }
}
