/** JMH benchmarks of every op, run by {@code scripts/bench-kernels}. */
@NullMarked
package dev.jemma.kernels.bench;

import org.jspecify.annotations.NullMarked;
