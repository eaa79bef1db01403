/**
 * What {@code jemma doctor} finds out: which backends can be used, and whether each computes every op as the reference
 * does. Knows no backend by name but the reference.
 */
@NullMarked
package dev.jemma.kernels.doctor;

import org.jspecify.annotations.NullMarked;
