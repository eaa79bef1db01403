package dev.jemma.kernels.cuda;

import dev.jemma.kernels.gpu.GpuPipeline;
import java.util.List;

/**
 * A loaded kernel.
 *
 * @param handle the driver's function
 */
record CudaPipeline(String function, long handle, int maxThreadsPerThreadgroup, List<KernelParameter> parameters)
        implements GpuPipeline {
    CudaPipeline {
        parameters = List.copyOf(parameters);
    }
}
