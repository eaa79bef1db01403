package dev.jemma.kernels;

/**
 * The keys and values of one layer for every sequence slot, as kernels see them: {@code [slots, numKvHeads, capacity,
 * headDim]}, head-major. Position {@code p} lies in cache row {@code p % capacity}.
 *
 * <p>A sliding layer's attention sees exactly {@code window} keys, the query's own included; its capacity is at least
 * {@code window + n - 1} for steps that bring up to n rows of one sequence, so that all keys of a step can be stored
 * before any query reads. Rows are zero until they are first written.
 *
 * @param dtype F16, or F32 for tests
 * @param capacity rows of a slot, padded or not: kernels may not read past it
 * @param window keys that a query sees, or 0 for all up to its own
 */
public record KvView(
        Region keys, Region values, DType dtype, int slots, int numKvHeads, int headDim, int capacity, int window) {
    public KvView {
        if (dtype != DType.F16 && dtype != DType.F32) {
            throw new IllegalArgumentException("kv cache: expected F16 or F32, got " + dtype);
        }
        if (slots <= 0 || numKvHeads <= 0 || headDim <= 0 || capacity <= 0 || window < 0) {
            throw new IllegalArgumentException("kv cache: expected positive sizes, got " + slots + " slots, "
                    + numKvHeads + " heads, " + headDim + " columns, capacity " + capacity + ", window " + window);
        }
        long bytes = dtype.bytes((long) slots * numKvHeads * capacity * headDim);
        if (bytes > keys.remaining() || bytes > values.remaining()) {
            throw new IllegalArgumentException(keys.buffer().label() + ": needs " + bytes + " bytes, has "
                    + Math.min(keys.remaining(), values.remaining()));
        }
    }

    /** First position that the query at {@code position} sees. */
    public int firstVisible(int position) {
        return window == 0 ? 0 : Math.max(0, position - window + 1);
    }

    /** Cache row of {@code position}. */
    public int row(int position) {
        return position % capacity;
    }

    /** Element index in keys or values of column 0 of {@code position}. */
    public long element(int slot, int kvHead, int position) {
        return (((long) slot * numKvHeads + kvHead) * capacity + row(position)) * headDim;
    }

    /** Whether the cache wraps around; a full layer's never does. */
    public boolean isRing() {
        return window > 0;
    }
}
