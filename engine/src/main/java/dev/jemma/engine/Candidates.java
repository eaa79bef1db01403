package dev.jemma.engine;

import java.util.Arrays;

/**
 * Tokens that may be chosen, with their logits. Memory for a whole vocabulary is taken once and reused for every token
 * of every sequence; a full vocabulary (262144 logits) is scanned, never sorted.
 */
final class Candidates {
    /** Logit in the high half and id in the low half, so that ascending keys are falling logits, ties by rising id. */
    private final long[] keys;

    private float[] heap = new float[64];
    private int count;

    Candidates(int vocabSize) {
        keys = new long[vocabSize];
    }

    int count() {
        return count;
    }

    int id(int i) {
        return (int) keys[i];
    }

    float logit(int i) {
        int ascending = ~(int) (keys[i] >> 32);
        return Float.intBitsToFloat(ascending ^ ((ascending >> 31) & Integer.MAX_VALUE));
    }

    /** Keeps the first {@code newCount}. */
    void keep(int newCount) {
        count = newCount;
    }

    /** The {@code k} largest logits and those equal to the last of them, largest first. */
    void selectLargest(float[] logits, int k) {
        selectAtLeast(logits, k < logits.length ? kthLargest(logits, k) : Float.NEGATIVE_INFINITY);
    }

    /**
     * As {@link #selectLargest(float[], int)}, from the largest logits of a vocabulary in falling order.
     *
     * @return false if logits equal to the k-th may be missing from them: then the selection is incomplete
     */
    boolean selectLargest(int[] ids, float[] largest, int k) {
        float threshold = largest[Math.min(k, largest.length) - 1];
        count = 0;
        while (count < largest.length && largest[count] >= threshold) {
            keys[count] = key(largest[count], ids[count]);
            count++;
        }
        Arrays.sort(keys, 0, count);
        return count < largest.length || count == keys.length;
    }

    /** Logits of {@code threshold} or more, largest first. */
    void selectAtLeast(float[] logits, float threshold) {
        count = 0;
        for (int id = 0; id < logits.length; id++) {
            if (logits[id] >= threshold) {
                keys[count++] = key(logits[id], id);
            }
        }
        Arrays.sort(keys, 0, count);
    }

    private static long key(float logit, int id) {
        // + 0.0f turns -0.0 into 0.0, so that the two tie.
        int bits = Float.floatToRawIntBits(logit + 0.0f);
        int ascending = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
        return ((long) ~ascending << 32) | id;
    }

    /** A min-heap of the k largest so far: for logits in no order only about k ln(n / k) of n enter it. */
    private float kthLargest(float[] logits, int k) {
        if (heap.length < k) {
            heap = new float[k];
        }
        System.arraycopy(logits, 0, heap, 0, k);
        for (int parent = k / 2 - 1; parent >= 0; parent--) {
            siftDown(parent, k);
        }
        for (int id = k; id < logits.length; id++) {
            if (logits[id] > heap[0]) {
                heap[0] = logits[id];
                siftDown(0, k);
            }
        }
        return heap[0];
    }

    private void siftDown(int start, int size) {
        float value = heap[start];
        int parent = start;
        for (int child = 2 * parent + 1; child < size; child = 2 * parent + 1) {
            if (child + 1 < size && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= value) {
                break;
            }
            heap[parent] = heap[child];
            parent = child;
        }
        heap[parent] = value;
    }
}
