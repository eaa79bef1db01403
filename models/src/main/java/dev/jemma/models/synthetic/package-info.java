/** Checkpoints with the shapes of published models and random weights, for measuring and for tests. */
@NullMarked
package dev.jemma.models.synthetic;

import org.jspecify.annotations.NullMarked;
