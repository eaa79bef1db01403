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
 * Dot products of BF16 rows with a few activations, where the processor has such (AVX-512 BF16): the machine code is
 * {@link Bf16DotCode}, as the Vector API has no such operation. One row of activations is left to {@link FloatDots}, which
 * come at the memory's speed, too. Fewer rows than {@link #MIN_ROUNDED} are split into two BF16 numbers each, which leaves 2^-17
 * of an activation out; more are rounded to one, by 2^-9. Batch-invariant products are split, of one row and of many.
 */
final class Bf16Dots implements GroupedDots {
    /** Fewest tokens. */
    static final int MIN = 2;

    /** As for {@link OneDnnRounded}. */
    static final int MIN_ROUNDED = OneDnnRows.MIN_ROUNDED;

    private static final int PARTS = 2;
    private static final int MAX_GROUPS = TokenGroups.MAX / FourRowsCode.MAX_TOKENS;

    private static final Bf16Dots FASTEST = new Bf16Dots(false);
    private static final Bf16Dots INVARIANT = new Bf16Dots(true);

    private final boolean invariant;
    private final AtomicReferenceArray<@Nullable MemorySegment> functions =
            new AtomicReferenceArray<>(FourRowsCode.MAX_TOKENS * PARTS * MAX_GROUPS);

    private static final class Once {
        static final boolean AVAILABLE = FourRows.obstacle("avx512_bf16").isEmpty();
    }

    private Bf16Dots(boolean invariant) {
        this.invariant = invariant;
    }

    /**
     * What a stream should use; null where there is no such thing.
     *
     * @param invariant whether products must be batch-invariant
     */
    static @Nullable Bf16Dots of(boolean invariant) {
        if (!Once.AVAILABLE) {
            return null;
        }
        return invariant ? INVARIANT : FASTEST;
    }

    private MemorySegment function(int tokens, int parts, int groups) {
        int index = ((groups - 1) * PARTS + parts - 1) * FourRowsCode.MAX_TOKENS + tokens - 1;
        MemorySegment function = functions.get(index);
        if (function == null) {
            function = MachineCode.function(Bf16DotCode.of(tokens, parts, groups));
            functions.set(index, function);
        }
        return function;
    }

    @Override
    public boolean takes(Weight w) {
        return w instanceof DenseWeight dense && dense.dtype() == DType.BF16 && w.cols() % Bf16DotCode.BLOCK == 0;
    }

    private int parts(int tokens) {
        return invariant || tokens < MIN_ROUNDED ? PARTS : 1;
    }

    @Override
    public void arrange(TokenGroups to, int token, int tokens, long x, Weight w, Scratch.Worker own) {
        int cols = w.cols();
        int parts = parts(tokens);
        int unit = Lanes.BYTES * parts;
        int in = token % FourRowsCode.MAX_TOKENS;
        long at = to.x() + (token - in) * Bf16Activations.bytes(cols, parts) + (long) in * unit;
        Bf16Activations.round(at, TokenGroups.size(token, tokens) * unit, x, cols, parts);
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
        long to = own.arguments;
        int parts = parts(tokens);
        long rowBytes = 2L * w.cols();
        long tokenBytes = Bf16Activations.bytes(w.cols(), parts);
        FourRows.put(to, Argument.OUT_TOKEN, outStride);
        FourRows.put(to, Argument.OUT_ROW, 4);
        FourRows.put(to, Argument.FIRST_WEIGHTS, Memory.address(((DenseWeight) w).at()));
        FourRows.put(to, Argument.WEIGHT_ROW, rowBytes);
        FourRows.put(to, Argument.MINUS_WEIGHT_ROW, -rowBytes);
        for (int token = 0; token < tokens; ) {
            int size = TokenGroups.size(token, tokens);
            int count = TokenGroups.count(token, tokens);
            FourRows.put(to, Argument.GROUPS, count);
            FourRows.put(to, Argument.X, in.x() + token * tokenBytes);
            FourRows.put(to, Argument.X_GROUP, size * tokenBytes);
            FourRows.run(function(size, parts, count), to, out + token * outStride, firstRow, rows);
            token += count * size;
        }
    }
}
