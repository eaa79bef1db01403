package dev.jemma.kernels.contract;

import dev.jemma.kernels.Device;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Device memory between guard bytes that knows what it held at first and which of its bytes an op may write. What was
 * not filled is a quiet NaN as F32 and as F16, and an index far out of range as I32.
 */
final class Block implements AutoCloseable {
    /** On each side; what GPU backends want buffer offsets to be multiples of. */
    private static final int GUARD = 256;

    private static final int POISON = 0x7FC5_7ED1;

    private final DeviceBuffer buffer;
    private final MemorySegment initial;
    private final BitSet writable = new BitSet();

    Block(Device device, String label, long byteSize) {
        long words = Math.ceilDiv(byteSize, Integer.BYTES) + 2L * GUARD / Integer.BYTES;
        int[] content = new int[Math.toIntExact(words)];
        Arrays.fill(content, POISON);
        initial = MemorySegment.ofArray(content);
        buffer = device.allocate(initial.byteSize(), label);
    }

    String label() {
        return buffer.label();
    }

    /** Where the memory between the guards starts. */
    Region region() {
        return new Region(buffer, GUARD);
    }

    void setFloat(long offset, float value) {
        initial.set(ValueLayout.JAVA_FLOAT_UNALIGNED, GUARD + offset, value);
    }

    void setInt(long offset, int value) {
        initial.set(ValueLayout.JAVA_INT_UNALIGNED, GUARD + offset, value);
    }

    void setShort(long offset, short value) {
        initial.set(ValueLayout.JAVA_SHORT_UNALIGNED, GUARD + offset, value);
    }

    /** Declares bytes that an op may write. */
    void allow(long offset, long byteSize) {
        writable.set(Math.toIntExact(GUARD + offset), Math.toIntExact(GUARD + offset + byteSize));
    }

    void upload() {
        buffer.write(0, initial);
    }

    /** The memory between the guards as it is now. */
    MemorySegment download() {
        return content().asSlice(GUARD);
    }

    private MemorySegment content() {
        MemorySegment content = MemorySegment.ofArray(new int[Math.toIntExact(initial.byteSize() / Integer.BYTES)]);
        buffer.read(0, content);
        return content;
    }

    /** Fails if a byte changed that no op may write. */
    void verifyUntouched(String what) {
        MemorySegment content = content();
        long offset = 0;
        long mismatch;
        while ((mismatch = content.asSlice(offset).mismatch(initial.asSlice(offset))) >= 0) {
            offset += mismatch;
            if (!writable.get((int) offset)) {
                throw new AssertionError(what + ": '" + label() + "' was written at byte " + (offset - GUARD)
                        + ", which is not an output");
            }
            offset = writable.nextClearBit((int) offset);
        }
    }

    @Override
    public void close() {
        buffer.close();
    }
}
