/** {@code jemma generate}: one prompt, or a batch of them. */
@NullMarked
package dev.jemma.app.generate;

import org.jspecify.annotations.NullMarked;
