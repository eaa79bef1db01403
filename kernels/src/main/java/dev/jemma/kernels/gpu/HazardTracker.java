package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DeviceBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Says when a dispatch needs a barrier before it: when it touches bytes that a dispatch since the last barrier writes,
 * or writes bytes that one reads. Weights are never written in a step and need not be declared.
 */
final class HazardTracker {
    /** Accesses between two barriers; where more come, a barrier more is harmless. */
    private static final int CAPACITY = 256;

    private final @Nullable DeviceBuffer[] buffers = new @Nullable DeviceBuffer[CAPACITY];
    private final long[] starts = new long[CAPACITY];
    private final long[] ends = new long[CAPACITY];
    private final boolean[] writes = new boolean[CAPACITY];
    private int running;
    private int declared;
    private boolean conflict;

    void clear() {
        running = 0;
        declared = 0;
        conflict = false;
    }

    /** Declares that the next dispatch reads or writes bytes {@code [start, end)}. */
    @SuppressWarnings("ReferenceEquality") // Buffers have no value: each is its own memory.
    void declare(DeviceBuffer buffer, long start, long end, boolean write) {
        for (int i = 0; i < running && !conflict; i++) {
            conflict = buffers[i] == buffer && (write || writes[i]) && start < ends[i] && starts[i] < end;
        }
        if (declared == CAPACITY) {
            dropRunning();
        }
        buffers[declared] = buffer;
        starts[declared] = start;
        ends[declared] = end;
        writes[declared] = write;
        declared++;
    }

    /** Starts the dispatch whose accesses were declared. Returns whether a barrier must come before it. */
    boolean start() {
        boolean barrier = conflict;
        if (barrier && running > 0) {
            dropRunning();
        }
        conflict = false;
        running = declared;
        return barrier;
    }

    /** Forgets what runs, as a barrier will come before the dispatch that is being declared. */
    private void dropRunning() {
        int kept = declared - running;
        System.arraycopy(buffers, running, buffers, 0, kept);
        System.arraycopy(starts, running, starts, 0, kept);
        System.arraycopy(ends, running, ends, 0, kept);
        System.arraycopy(writes, running, writes, 0, kept);
        running = 0;
        declared = kept;
        conflict = true;
    }
}
