package dev.jemma.kernels.cuda;

import java.util.List;

/**
 * One kernel as CUDA source.
 *
 * @param text a translation unit with one {@code __global__} function
 * @param function its name
 * @param parameters of the Metal kernel, in order
 */
record CudaSource(String text, String function, List<KernelParameter> parameters) {
    CudaSource {
        parameters = List.copyOf(parameters);
    }
}
