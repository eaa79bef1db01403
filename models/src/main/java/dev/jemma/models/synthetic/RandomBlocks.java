package dev.jemma.models.synthetic;

import dev.jemma.models.safetensors.Floats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.IntFunction;
import java.util.random.RandomGenerator;

/**
 * Random bytes as fast as a disk takes them: a block is drawn once, and every tensor is cut from it, from a random
 * offset and around and around. The block's length is a prime number of elements, so that no two rows of a matrix with
 * less than a million rows are equal.
 */
final class RandomBlocks {
    static final int ELEMENTS = 1_048_573;
    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private RandomBlocks() {}

    /** A block of {@link #ELEMENTS} elements, stored twice in a row so that a slice from any offset is contiguous. */
    record Block(MemorySegment twice, int elementBytes) {
        long byteSize() {
            return (long) ELEMENTS * elementBytes;
        }

        long randomOffset(RandomGenerator random) {
            return (long) random.nextInt(ELEMENTS) * elementBytes;
        }

        /** Bytes {@code [position, position + length)} of the block's endless repetition, at most one block long. */
        MemorySegment slice(long position, long length) {
            return twice.asSlice(position % byteSize(), length);
        }
    }

    static Block bf16(Arena arena, IntFunction<Float> element) {
        MemorySegment twice = arena.allocate(2L * ELEMENTS * Short.BYTES);
        for (int i = 0; i < ELEMENTS; i++) {
            twice.set(U16, (long) i * Short.BYTES, Floats.toBf16(element.apply(i)));
        }
        return repeated(twice, Short.BYTES);
    }

    static Block bytes(Arena arena, RandomGenerator random) {
        byte[] drawn = new byte[ELEMENTS];
        random.nextBytes(drawn);
        MemorySegment twice = arena.allocate(2L * ELEMENTS);
        MemorySegment.copy(drawn, 0, twice, ValueLayout.JAVA_BYTE, 0, ELEMENTS);
        return repeated(twice, 1);
    }

    private static Block repeated(MemorySegment twice, int elementBytes) {
        long half = twice.byteSize() / 2;
        MemorySegment.copy(twice, 0, twice, half, half);
        return new Block(twice, elementBytes);
    }
}
