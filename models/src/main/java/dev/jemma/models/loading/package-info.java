/**
 * From a checkpoint's tensors to a decoder's weights on a device: which names and shapes a configuration calls for,
 * whether the files have them, and how they are bound.
 */
@NullMarked
package dev.jemma.models.loading;

import org.jspecify.annotations.NullMarked;
