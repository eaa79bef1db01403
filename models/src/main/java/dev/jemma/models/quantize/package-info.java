/** Writes MLX-compatible quantized checkpoints. */
@NullMarked
package dev.jemma.models.quantize;

import org.jspecify.annotations.NullMarked;
