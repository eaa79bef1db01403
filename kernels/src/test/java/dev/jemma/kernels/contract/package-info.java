/**
 * What every backend must do, as tests: each op on random input against the reference backend, with bounds on the
 * difference derived from the inputs. A backend's tests extend the abstract {@code *Contract} classes.
 */
@NullMarked
package dev.jemma.kernels.contract;

import org.jspecify.annotations.NullMarked;
