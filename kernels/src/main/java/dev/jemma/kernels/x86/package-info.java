/**
 * Machine code for x86-64: an assembler of the few instructions that the Vector API cannot reach, and memory to run them
 * from. Knows no kernel; those that need it write theirs with it.
 */
@NullMarked
package dev.jemma.kernels.x86;

import org.jspecify.annotations.NullMarked;
