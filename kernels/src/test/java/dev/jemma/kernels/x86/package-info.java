@NullMarked
package dev.jemma.kernels.x86;

import org.jspecify.annotations.NullMarked;
