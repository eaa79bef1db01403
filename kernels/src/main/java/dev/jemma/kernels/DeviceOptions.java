package dev.jemma.kernels;

import org.jspecify.annotations.Nullable;

/**
 * What a user can say about how a backend runs. One record, filled at the edge of the program.
 *
 * @param threads worker threads of the CPU backend, the caller's included; 0: as many as the machine has cores
 * @param libraryPath where a GPU backend's native library lies, if not where systems keep it
 */
public record DeviceOptions(int threads, @Nullable String libraryPath) {
    public static final DeviceOptions DEFAULT = new DeviceOptions(0, null);

    public DeviceOptions {
        if (threads < 0) {
            throw new IllegalArgumentException("threads: expected 0 or more, got " + threads);
        }
    }
}
