/**
 * The Gemma decoder: its configuration, its weights as kernels see them, and the forward pass. Knows no file format and
 * no backend. Start at {@link dev.jemma.models.gemma.GemmaForward}.
 */
@NullMarked
package dev.jemma.models.gemma;

import org.jspecify.annotations.NullMarked;
