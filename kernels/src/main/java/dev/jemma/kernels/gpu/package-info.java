/**
 * The GPU backend: one dispatcher that turns ops into dispatches of the shipped Metal shaders, above a narrow driver
 * interface ({@link dev.jemma.kernels.gpu.GpuDriver}) that Metal and CUDA implement. Drivers know no op; the dispatcher
 * knows no vendor.
 */
@NullMarked
package dev.jemma.kernels.gpu;

import org.jspecify.annotations.NullMarked;
