/** Checkpoints: what they hold, and how they become weights on a device. Start at {@link dev.jemma.models.GemmaModel}. */
@NullMarked
package dev.jemma.models;

import org.jspecify.annotations.NullMarked;
