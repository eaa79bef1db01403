package dev.jemma.kernels.cuda;

/** A parameter of a Metal kernel, by what the host gives for it. */
sealed interface KernelParameter {
    /** Index of the host's argument: a buffer, an argument block, or the size of threadgroup memory. */
    int index();

    /** {@code device T*} or {@code constant T*}: an address. */
    record Buffer(int index) implements KernelParameter {}

    /** {@code constant T&}: an argument block, passed by value. */
    record Block(int index, String type) implements KernelParameter {}

    /** {@code threadgroup T*}: memory that the host sizes. */
    record Threadgroup(int index) implements KernelParameter {}

    /** A thread's or group's position or size; the host gives nothing. */
    record BuiltIn(int index) implements KernelParameter {}
}
