/** Host memory as device memory: what the reference and CPU backends share. Knows no op. */
@NullMarked
package dev.jemma.kernels.host;

import org.jspecify.annotations.NullMarked;
