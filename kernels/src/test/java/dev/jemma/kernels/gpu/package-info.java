/** Tests of the GPU dispatcher, and drivers that do nothing, to see what it asks of a real one. */
@NullMarked
package dev.jemma.kernels.gpu;

import org.jspecify.annotations.NullMarked;
