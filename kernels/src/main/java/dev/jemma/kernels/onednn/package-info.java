/** Matrix units of x86 processors through oneDNN: finding and loading the library, and what the CPU backend calls of it. */
@NullMarked
package dev.jemma.kernels.onednn;

import org.jspecify.annotations.NullMarked;
