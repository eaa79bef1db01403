/** Options that several commands share, and what they open. */
@NullMarked
package dev.jemma.app.flags;

import org.jspecify.annotations.NullMarked;
