package dev.jemma.kernels.metal;

import dev.jemma.kernels.gpu.GpuPipeline;

/**
 * An MTLComputePipelineState.
 *
 * @param threadgroupMemory bytes that the kernel's own threadgroup variables take
 */
record MetalPipeline(long reference, String function, int maxThreadsPerThreadgroup, int threadgroupMemory)
        implements GpuPipeline {}
