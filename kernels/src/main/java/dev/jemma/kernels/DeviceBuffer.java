package dev.jemma.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Memory that a device's kernels can read and write. Opaque: only the device that allocated it knows where it lies.
 * Closing it while submitted work still uses it is the caller's error; {@link CommandStream#await} first.
 */
public interface DeviceBuffer extends AutoCloseable {
    /** Size in bytes. */
    long byteSize();

    /** What the buffer holds, for traces and errors: {@code "kv cache layer 3"}. */
    String label();

    /** Copies {@code target.byteSize()} bytes from {@code byteOffset} to host memory. Work that writes them must have been awaited. */
    void read(long byteOffset, MemorySegment target);

    /** Copies {@code source.byteSize()} bytes of host memory to {@code byteOffset}. No submitted work may be using them. */
    void write(long byteOffset, MemorySegment source);

    @Override
    void close();
}
