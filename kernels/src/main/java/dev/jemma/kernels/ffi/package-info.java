/** What the drivers of native backends share: finding and loading a system's libraries. */
@NullMarked
package dev.jemma.kernels.ffi;

import org.jspecify.annotations.NullMarked;
