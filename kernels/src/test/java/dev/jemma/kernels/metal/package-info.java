@NullMarked
package dev.jemma.kernels.metal;

import org.jspecify.annotations.NullMarked;
