package dev.jemma.kernels.cpu;

import dev.jemma.kernels.Region;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.host.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * Host memory by address. Weights may start at odd addresses, so nothing here assumes alignment.
 *
 * <p>Loops that keep vectors in registers read scalars with {@code ALL.get(F32, address)} and not with {@link #f32}: the
 * same code one call deeper made C2 (JDK 25) spill every vector around it, 28 instead of 155 GFLOP/s in {@link Tiles}.
 */
final class Memory {
    /** Every address of the process. */
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
    static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;
    static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED;

    private Memory() {}

    static float f32(long address) {
        return ALL.get(F32, address);
    }

    static void putF32(long address, float value) {
        ALL.set(F32, address, value);
    }

    static int i32(long address) {
        return ALL.get(I32, address);
    }

    static void putI32(long address, int value) {
        ALL.set(I32, address, value);
    }

    static float f16(long address) {
        return Float.float16ToFloat(ALL.get(I16, address));
    }

    static float bf16(long address) {
        return Float.intBitsToFloat(ALL.get(I16, address) << 16);
    }

    static int u8(long address) {
        return Byte.toUnsignedInt(ALL.get(ValueLayout.JAVA_BYTE, address));
    }

    static void copy(long to, long from, long bytes) {
        MemorySegment.copy(ALL, from, ALL, to, bytes);
    }

    /** Zeroes whole floats. Not by {@link MemorySegment#fill}, which wants a slice and so may allocate. */
    static void zero(long address, long bytes) {
        FloatVector zero = FloatVector.zero(Lanes.F);
        long whole = bytes - bytes % Lanes.BYTES;
        for (long i = 0; i < whole; i += Lanes.BYTES) {
            zero.intoMemorySegment(ALL, address + i, LE);
        }
        for (long i = whole; i < bytes; i += 4) {
            ALL.set(F32, address + i, 0f);
        }
    }

    static long address(Region region) {
        return HostBuffer.address(region);
    }

    /** Address of element (row, 0). */
    static long address(Tensor tensor, int row) {
        return HostBuffer.address(tensor.at()) + tensor.dtype().byteSize() * ((long) row * tensor.rowStride());
    }
}
