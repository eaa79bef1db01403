package dev.jemma.kernels.metal;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What one dispatch has been given so far, held against what its pipeline and the device allow. */
final class DispatchCheck {
    private final int maxThreadgroupMemory;
    private final int[] threadgroupMemory = new int[CommandTape.SLOTS];
    private @Nullable MetalPipeline pipeline;

    DispatchCheck(int maxThreadgroupMemory) {
        this.maxThreadgroupMemory = maxThreadgroupMemory;
    }

    void clear() {
        pipeline = null;
        Arrays.fill(threadgroupMemory, 0);
    }

    static void slot(int index) {
        if (index < 0 || index >= CommandTape.SLOTS) {
            throw new IllegalArgumentException(
                    "argument index: expected 0 to " + (CommandTape.SLOTS - 1) + ", got " + index);
        }
    }

    void pipeline(MetalPipeline next) {
        clear();
        pipeline = next;
    }

    void threadgroupMemory(int index, int byteSize) {
        if (byteSize <= 0 || byteSize % 16 != 0) {
            throw new IllegalArgumentException(
                    "threadgroup memory " + index + ": expected a positive multiple of 16 bytes, got " + byteSize);
        }
        threadgroupMemory[index] = byteSize;
    }

    void dispatch(int groupsX, int groupsY, int groupsZ, int threadsX, int threadsY, int threadsZ) {
        if (pipeline == null) {
            throw new IllegalStateException("dispatch without a pipeline");
        }
        if (groupsX <= 0 || groupsY <= 0 || groupsZ <= 0 || threadsX <= 0 || threadsY <= 0 || threadsZ <= 0) {
            throw new IllegalArgumentException(pipeline.function() + ": empty grid " + groupsX + " x " + groupsY + " x "
                    + groupsZ + " of " + threadsX + " x " + threadsY + " x " + threadsZ);
        }
        long threads = (long) threadsX * threadsY * threadsZ;
        if (threads > pipeline.maxThreadsPerThreadgroup()) {
            throw new IllegalArgumentException(pipeline.function() + ": " + threads + " threads per group, at most "
                    + pipeline.maxThreadsPerThreadgroup());
        }
        int memory = pipeline.threadgroupMemory();
        for (int size : threadgroupMemory) {
            memory += size;
        }
        if (memory > maxThreadgroupMemory) {
            throw new IllegalArgumentException(pipeline.function() + ": " + memory
                    + " bytes of threadgroup memory, at most " + maxThreadgroupMemory);
        }
        pipeline = null;
    }
}
