package dev.jemma.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The dispatches of one step: functions, grids and parameter values, packed, so that two steps can be compared byte for
 * byte. Grows while the first steps are recorded, then never again.
 */
final class DispatchList {
    /** Values start at multiples of this: enough for any argument block's alignment. */
    static final int VALUE_ALIGNMENT = 16;

    /** Groups and threads in x, y and z, dynamic shared bytes, number of parameters. */
    private static final int HEADER_INTS = 8;

    /** In the place of a function: a multiplication by the vendor's library. */
    private static final long MULTIPLY = 0;

    /** Runs a multiplication that is described at an offset of the values. */
    @FunctionalInterface
    interface Multiplier {
        void multiply(MemorySegment values, long at);
    }

    private final Arena arena = Arena.ofAuto();
    private long[] functions = new long[512];
    private int[] headers = new int[512 * HEADER_INTS];
    private int[] valueOffsets = new int[4096];
    private MemorySegment values = arena.allocate(64 << 10, VALUE_ALIGNMENT);
    private final int[] noGrid = new int[6];
    private int dispatches;
    private int numValues;
    private int valueBytes;

    void clear() {
        dispatches = 0;
        numValues = 0;
        valueBytes = 0;
    }

    int size() {
        return dispatches;
    }

    /** Appends a parameter of the dispatch that {@link #end} will complete; returns where its bytes go. */
    long addValue(int bytes) {
        if (numValues == valueOffsets.length) {
            valueOffsets = Arrays.copyOf(valueOffsets, 2 * numValues);
        }
        int padded = Math.ceilDiv(bytes, VALUE_ALIGNMENT) * VALUE_ALIGNMENT;
        if (valueBytes + padded > values.byteSize()) {
            MemorySegment larger = arena.allocate(2 * values.byteSize() + padded, VALUE_ALIGNMENT);
            MemorySegment.copy(values, 0, larger, 0, valueBytes);
            values = larger;
        }
        // Padding takes part in comparisons.
        values.asSlice(valueBytes, padded).fill((byte) 0);
        int offset = valueBytes;
        valueOffsets[numValues++] = offset;
        valueBytes += padded;
        return offset;
    }

    MemorySegment values() {
        return values;
    }

    void end(long function, int[] grid, int sharedBytes, int parameters) {
        if (dispatches == functions.length) {
            functions = Arrays.copyOf(functions, 2 * dispatches);
            headers = Arrays.copyOf(headers, 2 * headers.length);
        }
        functions[dispatches] = function;
        int at = dispatches * HEADER_INTS;
        System.arraycopy(grid, 0, headers, at, 6);
        headers[at + 6] = sharedBytes;
        headers[at + 7] = parameters;
        dispatches++;
    }

    /** Ends the description of a multiplication whose value was added last. */
    void endMultiply() {
        end(MULTIPLY, noGrid, 0, 1);
    }

    /** Launches every dispatch in order. */
    void launch(CudaApi api, LaunchConfig config, MemorySegment pointers, Multiplier multiplier) {
        int value = 0;
        for (int i = 0; i < dispatches; i++) {
            int at = i * HEADER_INTS;
            if (functions[i] == MULTIPLY) {
                multiplier.multiply(values, valueOffsets[value++]);
                continue;
            }
            config.set(headers, at);
            for (int p = 0; p < headers[at + 7]; p++) {
                pointers.setAtIndex(ValueLayout.JAVA_LONG, p, values.address() + valueOffsets[value++]);
            }
            api.launch(config, functions[i], pointers);
        }
    }

    boolean sameAs(DispatchList other) {
        return dispatches == other.dispatches
                && valueBytes == other.valueBytes
                && Arrays.equals(functions, 0, dispatches, other.functions, 0, dispatches)
                && Arrays.equals(headers, 0, dispatches * HEADER_INTS, other.headers, 0, dispatches * HEADER_INTS)
                && MemorySegment.mismatch(values, 0, valueBytes, other.values, 0, valueBytes) < 0;
    }

    /** Takes over the content of another list. */
    void copyFrom(DispatchList other) {
        functions = Arrays.copyOf(other.functions, other.functions.length);
        headers = Arrays.copyOf(other.headers, other.headers.length);
        valueOffsets = Arrays.copyOf(other.valueOffsets, other.valueOffsets.length);
        values = arena.allocate(other.values.byteSize(), VALUE_ALIGNMENT);
        MemorySegment.copy(other.values, 0, values, 0, other.valueBytes);
        dispatches = other.dispatches;
        numValues = other.numValues;
        valueBytes = other.valueBytes;
    }
}
