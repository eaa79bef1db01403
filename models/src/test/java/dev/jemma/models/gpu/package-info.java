/** What the forward pass asks of a GPU: numbers of dispatches, host memory and time. */
@NullMarked
package dev.jemma.models.gpu;

import org.jspecify.annotations.NullMarked;
