/** {@code jemma bench}: tokens per second. */
@NullMarked
package dev.jemma.app.bench;

import org.jspecify.annotations.NullMarked;
