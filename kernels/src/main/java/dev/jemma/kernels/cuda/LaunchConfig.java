package dev.jemma.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How one kernel is launched: {@code CUlaunchConfig} of {@code cuda.h}, filled anew for each launch. Where the GPU can,
 * kernels are launched as dependents of the one before: their blocks may start before it has ended, and wait where they
 * read its results ({@code msl_entry.h}).
 */
final class LaunchConfig {
    // typedef struct { unsigned gridDim[3], blockDim[3], sharedMemBytes; CUstream hStream; CUlaunchAttribute *attrs;
    // unsigned numAttrs; }
    private static final long SHARED_BYTES = 24;
    private static final long STREAM = 32;
    private static final long ATTRIBUTES = 40;
    private static final long NUM_ATTRIBUTES = 48;
    private static final long SIZE = 56;

    // typedef struct { CUlaunchAttributeID id; char pad[4]; union { int ...; char pad[64]; } value; }
    private static final long ATTRIBUTE_SIZE = 72;
    private static final long ATTRIBUTE_VALUE = 8;
    private static final int PROGRAMMATIC_STREAM_SERIALIZATION = 6;

    private final MemorySegment config;

    /** @param earlyStart whether kernels start as dependents */
    LaunchConfig(Arena arena, long stream, boolean earlyStart) {
        config = arena.allocate(SIZE, 8);
        MemorySegment attribute = arena.allocate(ATTRIBUTE_SIZE, 8);
        attribute.set(ValueLayout.JAVA_INT, 0, PROGRAMMATIC_STREAM_SERIALIZATION);
        attribute.set(ValueLayout.JAVA_INT, ATTRIBUTE_VALUE, 1);
        config.set(ValueLayout.JAVA_LONG, STREAM, stream);
        config.set(ValueLayout.ADDRESS, ATTRIBUTES, attribute);
        config.set(ValueLayout.JAVA_INT, NUM_ATTRIBUTES, earlyStart ? 1 : 0);
    }

    /** @param sizes from index {@code at}: groups in x, y, z, threads in x, y, z, dynamic shared bytes */
    void set(int[] sizes, int at) {
        for (int i = 0; i < 6; i++) {
            config.set(ValueLayout.JAVA_INT, 4L * i, sizes[at + i]);
        }
        config.set(ValueLayout.JAVA_INT, SHARED_BYTES, sizes[at + 6]);
    }

    MemorySegment segment() {
        return config;
    }
}
