package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.Region;
import java.lang.foreign.Arena;

/**
 * Copies of fresh keys or values into caches, for callers that keep them themselves. Everything is checked before a
 * dispatch, the destination and races for one row included; copies of nothing succeed. Each dispatch is ordered after
 * what the step encoded before it.
 */
public final class KvCopyKernels implements AutoCloseable {
    private static final int THREADS = 256;

    private final Arena arena = Arena.ofShared();
    private final Args tokenArgs = new Args(arena, 4);
    private final Args sequenceArgs = new Args(arena, 6);
    private final Kernel tokens16;
    private final Kernel tokens32;
    private final Kernel sequenceF32;
    private final Kernel sequenceF16;

    public KvCopyKernels(GpuDriver driver) {
        Shaders shaders = new Shaders(driver);
        tokens16 = shaders.kernel("kv_copy.metal", "kv_copy_tokens_16");
        tokens32 = shaders.kernel("kv_copy.metal", "kv_copy_tokens_32");
        sequenceF32 = shaders.kernel("kv_copy.metal", "kv_copy_sequence_f32");
        sequenceF16 = shaders.kernel("kv_copy.metal", "kv_copy_sequence_f16");
    }

    /**
     * A cache of whole rows, {@code [capacity, rowSize]}.
     *
     * @param dtype F32, F16 or BF16
     */
    public record TokenMajor(Region at, DType dtype, int capacity, int rowSize) {
        public TokenMajor {
            requirePositive("capacity", capacity);
            if (rowSize < 0 || dtype == DType.I32) {
                throw new IllegalArgumentException("kv copy: row size " + rowSize + ", type " + dtype);
            }
            DispatchChecks.requireElements("kv copy destination", at, dtype, (long) capacity * rowSize);
        }
    }

    /**
     * A cache of heads, {@code [numHeads, capacity, headDim]}.
     *
     * @param dtype F32 or F16
     */
    public record HeadMajor(Region at, DType dtype, int numHeads, int capacity, int headDim) {
        public HeadMajor {
            requirePositive("capacity", capacity);
            if (numHeads < 0 || headDim < 0 || (dtype != DType.F32 && dtype != DType.F16)) {
                throw new IllegalArgumentException(
                        "kv copy: " + numHeads + " heads, head size " + headDim + ", type " + dtype);
            }
            DispatchChecks.requireElements(
                    "kv copy destination", at, dtype, Math.multiplyExact((long) numHeads * capacity, (long) headDim));
        }
    }

    private static void requirePositive(String what, int value) {
        if (value <= 0) {
            throw new IllegalArgumentException("kv copy: expected a positive " + what + ", got " + value);
        }
    }

    /** {@code [count, rowSize]} of the cache's type to rows {@code position} and on, none past the end. */
    public void copyTokens(GpuStream stream, Region source, int count, TokenMajor cache, long position) {
        requireRange(count, position);
        if (position + count > cache.capacity()) {
            throw new IllegalArgumentException(
                    "kv copy: " + count + " rows from " + position + " exceed the capacity " + cache.capacity());
        }
        tokens(stream, source, count, cache, (int) position);
    }

    /** As {@link #copyTokens} into a ring: position p goes to row {@code p % capacity}. At most capacity rows at once. */
    public void copyTokensToRing(GpuStream stream, Region source, int count, TokenMajor cache, long position) {
        requireRange(count, position);
        requireNoRace(count, cache.capacity());
        tokens(stream, source, count, cache, (int) (position % cache.capacity()));
    }

    private void tokens(GpuStream stream, Region source, int count, TokenMajor cache, int firstRow) {
        long elements = Math.multiplyExact((long) count, (long) cache.rowSize());
        DispatchChecks.requireElements("kv copy source", source, cache.dtype(), elements);
        if (elements == 0) {
            return;
        }
        requireApart(
                source,
                cache.dtype().bytes(elements),
                cache.at(),
                cache.dtype(),
                (long) cache.capacity() * cache.rowSize());
        tokenArgs.clear().put(cache.rowSize()).put(count).put(firstRow).put(cache.capacity());
        Kernel kernel = cache.dtype().byteSize() == 2 ? tokens16 : tokens32;
        run(stream, kernel, tokenArgs, source, cache.at(), cache.rowSize(), count);
    }

    /** One token, F32 {@code [numHeads, headDim]}, to row {@code row} of every head. */
    public void copyToken(GpuStream stream, Region source, HeadMajor cache, int row) {
        if (row < 0 || row >= cache.capacity()) {
            throw new IllegalArgumentException("kv copy: row " + row + " lies outside 0 to " + (cache.capacity() - 1));
        }
        copySequence(stream, source, 0, 1, cache, row);
    }

    /**
     * F32 tokens {@code [sourceToken, sourceToken + count)} of {@code [tokens, numHeads, headDim]} to positions
     * {@code position} and on; position p goes to row {@code p % capacity}. At most capacity tokens at once.
     */
    public void copySequence(
            GpuStream stream, Region source, int sourceToken, int count, HeadMajor cache, long position) {
        requireRange(count, position);
        requireNoRace(count, cache.capacity());
        if (sourceToken < 0) {
            throw new IllegalArgumentException("kv copy: source token " + sourceToken);
        }
        long width = (long) cache.numHeads() * cache.headDim();
        long elements = Math.multiplyExact((long) sourceToken + count, width);
        DispatchChecks.requireElements("kv copy source", source, DType.F32, elements);
        if (count == 0 || width == 0) {
            return;
        }
        requireApart(source, DType.F32.bytes(elements), cache.at(), cache.dtype(), width * cache.capacity());
        sequenceArgs
                .clear()
                .put(cache.numHeads())
                .put(cache.headDim())
                .put(cache.capacity())
                .put((int) (position % cache.capacity()))
                .put(count)
                .put(sourceToken);
        Kernel kernel = cache.dtype() == DType.F16 ? sequenceF16 : sequenceF32;
        run(stream, kernel, sequenceArgs, source, cache.at(), Math.toIntExact(width), count);
    }

    private static void requireRange(int count, long position) {
        if (count < 0 || position < 0) {
            throw new IllegalArgumentException("kv copy: " + count + " rows at position " + position);
        }
    }

    private static void requireNoRace(int count, int capacity) {
        if (count > capacity) {
            throw new IllegalArgumentException("kv copy: " + count + " rows at once would meet in a ring of " + capacity
                    + "; copy the last " + capacity);
        }
    }

    private static void requireApart(Region source, long sourceBytes, Region cache, DType dtype, long elements) {
        DispatchChecks.requireApart("kv copy source", source, sourceBytes, cache, dtype.bytes(elements));
    }

    private static void run(
            GpuStream stream, Kernel kernel, Args args, Region source, Region cache, int width, int tokens) {
        stream.barrier();
        stream.pipeline(kernel.pipeline());
        stream.bytes(0, args.complete());
        stream.buffer(1, source.buffer(), source.byteOffset());
        stream.buffer(2, cache.buffer(), cache.byteOffset());
        stream.dispatch(Math.ceilDiv(width, THREADS), tokens, 1, THREADS, 1, 1);
    }

    @Override
    public void close() {
        arena.close();
    }
}
