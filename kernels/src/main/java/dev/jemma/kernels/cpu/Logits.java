package dev.jemma.kernels.cpu;

import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What is done to logits chunk by chunk, while a chunk is in the nearest cache: the softcap, and a note of each chunk's
 * largest, so that whoever chooses from 262,144 logits reads the few chunks that can hold a choice and not a megabyte.
 * What was noted are upper bounds: ops may make logits smaller and leave the notes as they are.
 */
final class Logits {
    /** Fewest columns of a chunk whose largest is noted. */
    private static final int MIN_CHUNK = 16;

    private final int mostRows;
    private final int mostChunks;
    private final long maxima;
    private @Nullable Tensor noted;
    private int chunk;
    private float cap;

    Logits(StepLimits limits, Scratch scratch) {
        mostRows = limits.maxOutputRows();
        mostChunks = Math.ceilDiv(limits.vocabSize(), MIN_CHUNK);
        maxima = scratch.take("largest logits", 4L * mostChunks * mostRows);
    }

    /** Some rows of logits begin, which are computed in chunks of so many columns. */
    void begin(Tensor logits, int rows, float cap, int chunk) {
        this.cap = cap;
        this.chunk = chunk;
        boolean fit = rows <= mostRows && Math.ceilDiv(logits.cols(), chunk) <= mostChunks;
        noted = fit ? logits : null;
    }

    /** Logits may have grown. */
    void forget() {
        noted = null;
    }

    /** Columns {@code [begin, end)}, a chunk, of {@code rows} rows have been computed. */
    void end(Tensor logits, int firstRow, int rows, int begin, int end, long run) {
        for (int row = firstRow; row < firstRow + rows; row++) {
            long at = Memory.address(logits, row) + 4L * begin;
            if (cap > 0) {
                Exponential.softcap(at, end - begin, cap, run);
            }
            if (noted != null) {
                Memory.putF32(maximum(row, begin / chunk), ResultOps.max(at, end - begin));
            }
        }
    }

    private long maximum(int row, int index) {
        return maxima + 4L * ((long) row * mostChunks + index);
    }

    /** Address of upper bounds of a row's chunks, or 0 where none were noted. */
    long maxima(Tensor logits, int row) {
        return logits.equals(noted) ? maximum(row, 0) : 0;
    }

    /** Columns of those chunks. */
    int chunk() {
        return chunk;
    }
}
