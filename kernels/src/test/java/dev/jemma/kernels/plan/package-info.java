/** Steps as data: what was encoded, as a list and as text. */
@NullMarked
package dev.jemma.kernels.plan;

import org.jspecify.annotations.NullMarked;
