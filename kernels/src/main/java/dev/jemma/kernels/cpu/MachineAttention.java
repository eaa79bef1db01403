package dev.jemma.kernels.cpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.cpu.WeightedSumCode.Argument;
import dev.jemma.kernels.x86.MachineCode;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The two products of {@link Attention} for few queries, like {@link NarrowAttention}, with keys and values where they lie in
 * the cache: by {@link FloatDotCode} and {@link WeightedSumCode}, as exact as F32. Queries are arranged by {@link
 * FloatDots#arrange}, sums are rows of {@code headDim}.
 */
final class MachineAttention {
    /** Keys and values that are asked for ahead: those of the next tile, half a microsecond or more before their turn. */
    private static final int ROWS_AHEAD = AttentionScratch.KEYS;

    private static final AtomicReferenceArray<@Nullable MemorySegment> FUNCTIONS =
            new AtomicReferenceArray<>(2 * NarrowAttention.MAX_LANES);

    private MachineAttention() {}

    /** Whether the queries of a unit can be taken. */
    static boolean takes(int lanes, int headDim) {
        return lanes <= NarrowAttention.MAX_LANES
                && headDim % FloatDotCode.BLOCK == 0
                && headDim % WeightedSumCode.block(lanes) == 0
                && FloatDots.available();
    }

    private static MemorySegment function(int lanes, DType dtype) {
        int index = (dtype == DType.F16 ? 0 : NarrowAttention.MAX_LANES) + lanes - 1;
        MemorySegment function = FUNCTIONS.get(index);
        if (function == null) {
            function = MachineCode.function(WeightedSumCode.of(lanes, dtype));
            FUNCTIONS.set(index, function);
        }
        return function;
    }

    /** {@code scores[key, lane] = keys[key] . queries[lane]} for {@code count} neighbouring keys from an address on. */
    static void scores(
            long scores,
            int width,
            long keys,
            DType dtype,
            int count,
            long queries,
            int lanes,
            int headDim,
            long arguments) {
        long ahead = (long) ROWS_AHEAD * dtype.byteSize() * headDim;
        FloatDots.ofKeys().rows(scores, 4, 4L * width, queries, lanes, keys, dtype, headDim, count, ahead, arguments);
    }

    /**
     * {@code sums[lane] = sums[lane] * correction[lane] + sum over values of weights[value, lane] * values[value]} for {@code
     * count} neighbouring values from an address on.
     */
    static void addValues(
            long sums,
            long correction,
            long values,
            DType dtype,
            int count,
            long weights,
            int width,
            int lanes,
            int headDim,
            long arguments) {
        long rowBytes = (long) dtype.byteSize() * headDim;
        FourRows.put(arguments, Argument.ROWS, values);
        FourRows.put(arguments, Argument.ROW_BYTES, rowBytes);
        FourRows.put(arguments, Argument.AHEAD, ROWS_AHEAD * rowBytes);
        FourRows.put(arguments, Argument.NUM_ROWS, count);
        FourRows.put(arguments, Argument.WEIGHTS, weights);
        FourRows.put(arguments, Argument.WEIGHTS_BYTES, 4L * width);
        FourRows.put(arguments, Argument.SUMS, sums);
        FourRows.put(arguments, Argument.SUMS_BYTES, 4L * headDim);
        FourRows.put(arguments, Argument.CORRECTION, correction);
        FourRows.put(arguments, Argument.BLOCKS, headDim / WeightedSumCode.block(lanes));
        MachineCode.call(function(lanes, dtype), arguments);
    }
}
