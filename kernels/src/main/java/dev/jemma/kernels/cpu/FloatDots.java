package dev.jemma.kernels.cpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.cpu.FourRowsCode.Argument;
import dev.jemma.kernels.x86.MachineCode;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Dot products of rows of numbers with a few rows of floats, by {@link FloatDotCode} where the processor has
 * AVX-512: of weights, and of cached keys. As exact as F32, and batch-invariant: each sum is added in one order, whatever is
 * beside it.
 */
final class FloatDots implements GroupedDots {
    private static final Ahead AHEAD = Ahead.of(16);

    private static final FloatDots OF_WEIGHTS = new FloatDots(AHEAD.level());
    private static final FloatDots OF_KEYS = new FloatDots(2);

    /** Of numbers. */
    private static final int KINDS = 3;

    private final int level;
    private final AtomicReferenceArray<@Nullable MemorySegment> functions =
            new AtomicReferenceArray<>(KINDS * FourRowsCode.MAX_TOKENS);

    /** Why not, or the empty string. */
    private static final class Once {
        static final String OBSTACLE = FourRows.obstacle();
    }

    private FloatDots(int level) {
        this.level = level;
    }

    /** Whether this processor and system have what it takes. */
    static boolean available() {
        return obstacle().isEmpty();
    }

    /** What is missing; empty if nothing is. */
    static String obstacle() {
        return Once.OBSTACLE;
    }

    /** For weights, which are read once; null where there is no such thing. */
    static @Nullable FloatDots ofWeights() {
        return available() ? OF_WEIGHTS : null;
    }

    /** For tiles of cached keys. */
    static FloatDots ofKeys() {
        return OF_KEYS;
    }

    private MemorySegment function(DType dtype, int tokens) {
        int index = kind(dtype) * FourRowsCode.MAX_TOKENS + tokens - 1;
        MemorySegment function = functions.get(index);
        if (function == null) {
            function = MachineCode.function(FloatDotCode.of(tokens, dtype, level));
            functions.set(index, function);
        }
        return function;
    }

    private static int kind(DType dtype) {
        return switch (dtype) {
            case F32 -> 0;
            case F16 -> 1;
            case BF16 -> 2;
            case I32 -> throw new IllegalArgumentException("weights are floating-point");
        };
    }

    @Override
    public boolean takes(Weight w) {
        return w instanceof DenseWeight && w.cols() % FloatDotCode.BLOCK == 0;
    }

    @Override
    public void arrange(TokenGroups to, int token, int tokens, long x, Weight w, Scratch.Worker own) {
        arrange(to.x(), token, tokens, x, w.cols(), 1);
    }

    @Override
    public void rows(
            long out,
            long outStride,
            TokenGroups in,
            int tokens,
            Weight w,
            int firstRow,
            int rows,
            Scratch.Worker own) {
        DType dtype = ((DenseWeight) w).dtype();
        long from = Memory.address(((DenseWeight) w).at()) + (long) dtype.byteSize() * w.cols() * firstRow;
        rows(out, outStride, 4, in.x(), tokens, from, dtype, w.cols(), rows, AHEAD.bytes(), own.arguments);
    }

    /**
     * Puts the {@code token}-th of {@code tokens} rows of floats, times {@code scale}, where {@link #rows} wants it: vectors of
     * a group's tokens in turn.
     */
    static void arrange(long to, int token, int tokens, long x, int cols, float scale) {
        int in = token % FourRowsCode.MAX_TOKENS;
        long at = to + 4L * cols * (token - in) + (long) Lanes.BYTES * in;
        RowKernels.scaleApart(at, (long) Lanes.BYTES * TokenGroups.size(token, tokens), x, cols, scale);
    }

    /**
     * {@code out[t, r] = w[r] . x[t]}.
     *
     * @param outToken bytes between two tokens' results
     * @param outRow bytes between two rows' results
     * @param x as {@link #arrange} leaves it
     * @param w address of the first row
     * @param ahead bytes from what is read to what is asked for
     */
    void rows(
            long out,
            long outToken,
            long outRow,
            long x,
            int tokens,
            long w,
            DType dtype,
            int cols,
            int rows,
            long ahead,
            long arguments) {
        long rowBytes = (long) dtype.byteSize() * cols;
        FourRows.put(arguments, Argument.OUT_TOKEN, outToken);
        FourRows.put(arguments, Argument.OUT_ROW, outRow);
        FourRows.put(arguments, Argument.FIRST_WEIGHTS, w);
        FourRows.put(arguments, Argument.WEIGHT_ROW, rowBytes);
        FourRows.put(arguments, Argument.AHEAD, ahead);
        for (int token = 0; token < tokens; ) {
            int size = TokenGroups.size(token, tokens);
            int count = TokenGroups.count(token, tokens);
            FourRows.put(arguments, Argument.GROUPS, count);
            FourRows.put(arguments, Argument.X, x + 4L * cols * token);
            FourRows.put(arguments, Argument.X_GROUP, 4L * cols * size);
            FourRows.run(function(dtype, size), arguments, out + token * outToken, 0, rows);
            token += count * size;
        }
    }
}
