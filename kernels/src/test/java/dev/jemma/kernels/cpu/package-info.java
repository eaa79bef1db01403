@NullMarked
package dev.jemma.kernels.cpu;

import org.jspecify.annotations.NullMarked;
