package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.Region;

/** Checks that come before any dispatch of the kernels which take bare memory. */
final class DispatchChecks {
    private DispatchChecks() {}

    static void requireElements(String what, Region at, DType dtype, long elements) {
        if (at.byteOffset() % dtype.byteSize() != 0) {
            throw new IllegalArgumentException(what + ": offset " + at.byteOffset() + " is not aligned to " + dtype);
        }
        if (dtype.bytes(elements) > at.remaining()) {
            throw new IllegalArgumentException(what + ": expected " + dtype.bytes(elements) + " bytes, "
                    + at.buffer().label() + " has " + at.remaining());
        }
    }

    @SuppressWarnings("ReferenceEquality") // Buffers have no value: each is its own memory.
    static void requireApart(String what, Region a, long aBytes, Region b, long bBytes) {
        if (a.buffer() == b.buffer()
                && a.byteOffset() < b.byteOffset() + bBytes
                && b.byteOffset() < a.byteOffset() + aBytes) {
            throw new IllegalArgumentException(
                    what + ": overlaps what is written in " + b.buffer().label());
        }
    }
}
