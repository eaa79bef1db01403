package dev.jemma.kernels.gpu;

/**
 * What a device can do, as far as the dispatcher chooses by it.
 *
 * @param simdWidth lanes of a simdgroup: 32 for every device that Jemma supports
 * @param maxThreadgroupMemory bytes
 * @param maxBufferBytes largest single buffer
 * @param unifiedMemory host and device share memory
 * @param busySimdgroups simdgroups of matrix-vector work that it takes to keep the memory busy
 * @param matrixUnits whether streams multiply BF16 matrices: {@link GpuStream#multiply}
 */
public record GpuLimits(
        int simdWidth,
        int maxThreadsPerThreadgroup,
        int maxThreadgroupMemory,
        long maxBufferBytes,
        boolean unifiedMemory,
        int busySimdgroups,
        boolean matrixUnits) {}
