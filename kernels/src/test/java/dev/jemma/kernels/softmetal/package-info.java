/**
 * Tests of the software Metal in {@code src/test/native/softmetal}, and what other tests need to run on it.
 */
@NullMarked
package dev.jemma.kernels.softmetal;

import org.jspecify.annotations.NullMarked;
