package dev.jemma.kernels.gpu;

/** A compiled kernel function. Owned by the driver that made it. */
public interface GpuPipeline {
    String function();

    int maxThreadsPerThreadgroup();
}
