package dev.jemma.kernels.gpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A kernel's argument block: four-byte fields in the order of the shader's struct. Filled anew for each dispatch. */
final class Args {
    private final MemorySegment block;
    private long end;

    Args(Arena arena, int fields) {
        block = arena.allocate(4L * fields, 16);
    }

    Args clear() {
        end = 0;
        return this;
    }

    Args put(int value) {
        block.set(ValueLayout.JAVA_INT, end, value);
        end += 4;
        return this;
    }

    Args put(float value) {
        block.set(ValueLayout.JAVA_FLOAT, end, value);
        end += 4;
        return this;
    }

    MemorySegment complete() {
        if (end != block.byteSize()) {
            throw new IllegalStateException("argument block: " + end + " of " + block.byteSize() + " bytes filled");
        }
        return block;
    }
}
