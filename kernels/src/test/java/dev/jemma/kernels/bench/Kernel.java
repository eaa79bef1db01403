package dev.jemma.kernels.bench;

import dev.jemma.kernels.Commands;
import java.util.function.Consumer;

/**
 * An op with its arguments.
 *
 * @param bytes what it reads of weights and caches
 * @param flops additions and multiplications of its products; 0 for ops that have none
 */
record Kernel(double bytes, double flops, Consumer<Commands> op) {
    /** An op that only passes over activations. */
    Kernel(Consumer<Commands> op) {
        this(0, 0, op);
    }
}
