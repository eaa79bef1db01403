/**
 * The op API executed on the host one scalar at a time, as its formulas read, with sums in double: what the other
 * backends are tested against. Slow on purpose.
 */
@NullMarked
package dev.jemma.kernels.reference;

import org.jspecify.annotations.NullMarked;
