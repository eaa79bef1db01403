/**
 * The operations of a Gemma-style decoder, and the devices that run them.
 *
 * <p>This package owns the op-level API ({@link dev.jemma.kernels.Commands}) and the data it speaks of: activations,
 * weights, cache views, steps. It knows no model and no backend; backends live in sub-packages and are found through
 * {@link dev.jemma.kernels.Backends}. Start reading at {@link dev.jemma.kernels.Commands}.
 */
@NullMarked
package dev.jemma.kernels;

import org.jspecify.annotations.NullMarked;
