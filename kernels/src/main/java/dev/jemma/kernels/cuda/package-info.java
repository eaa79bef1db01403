/**
 * The CUDA driver of the GPU backend: compiles the shipped Metal shaders with NVRTC and runs them through the CUDA
 * driver API. Knows no op. Start at {@link dev.jemma.kernels.cuda.CudaGpuDriver}; the translation of the shader text is
 * {@link dev.jemma.kernels.cuda.MslToCuda}.
 */
@NullMarked
package dev.jemma.kernels.cuda;

import org.jspecify.annotations.NullMarked;
