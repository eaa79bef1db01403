package dev.jemma.kernels.metal;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The commands of one step as they were asked for, checked, and replayed into an encoder in one go when the step is
 * submitted. So a command buffer exists only from submit on (one that is created and never committed would hold one of
 * the queue's 64 places), dropping a step costs nothing, and one autorelease pool spans all native calls of a step.
 * Grows to the longest step seen and allocates nothing after that.
 */
final class CommandTape implements AutoCloseable {
    /** Buffer arguments of a kernel: Metal's limit. */
    static final int SLOTS = 31;

    private static final int PIPELINE = 0;
    private static final int BUFFER = 1;
    private static final int BYTES = 2;
    private static final int THREADGROUP_MEMORY = 3;
    private static final int GROUPS = 4;
    private static final int THREADS = 5;
    private static final int BARRIER = 6;

    /** A command and its three operands. */
    private static final int WORDS = 4;

    /** MTLBarrierScopeBuffers. */
    private static final long BARRIER_SCOPE = 1;

    /** Argument blocks start at multiples of this: the widest vector of the shading language. */
    private static final int BLOCK_ALIGNMENT = 16;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment groups = arena.allocate(Send.MTL_SIZE);
    private final MemorySegment threads = arena.allocate(Send.MTL_SIZE);
    private final long[] boundBuffer = new long[SLOTS];
    private final long[] boundOffset = new long[SLOTS];

    /** Whether arguments that an earlier dispatch left bound are taken away, so that a kernel cannot live off them. */
    private final boolean strict;

    private long[] words = new long[4096];
    private int used;
    private MemorySegment blocks = arena.allocate(1 << 16, BLOCK_ALIGNMENT);
    private long blockBytes;

    CommandTape(boolean strict) {
        this.strict = strict;
    }

    void clear() {
        used = 0;
        blockBytes = 0;
    }

    void pipeline(long pipeline) {
        put(PIPELINE, pipeline, 0, 0);
    }

    void buffer(int index, long buffer, long byteOffset) {
        put(BUFFER, index, buffer, byteOffset);
    }

    /** Copies the block. */
    void bytes(int index, MemorySegment block) {
        long at = (blockBytes + BLOCK_ALIGNMENT - 1) & -BLOCK_ALIGNMENT;
        if (at + block.byteSize() > blocks.byteSize()) {
            MemorySegment larger = arena.allocate(2 * blocks.byteSize(), BLOCK_ALIGNMENT);
            MemorySegment.copy(blocks, 0, larger, 0, blockBytes);
            blocks = larger;
        }
        MemorySegment.copy(block, 0, blocks, at, block.byteSize());
        blockBytes = at + block.byteSize();
        put(BYTES, index, at, block.byteSize());
    }

    void threadgroupMemory(int index, int byteSize) {
        put(THREADGROUP_MEMORY, index, byteSize, 0);
    }

    void dispatch(long groupsX, long groupsY, long groupsZ, long threadsX, long threadsY, long threadsZ) {
        put(GROUPS, groupsX, groupsY, groupsZ);
        put(THREADS, threadsX, threadsY, threadsZ);
    }

    void barrier() {
        put(BARRIER, 0, 0, 0);
    }

    private void put(int command, long a, long b, long c) {
        if (used + WORDS > words.length) {
            words = Arrays.copyOf(words, 2 * words.length);
        }
        words[used] = command;
        words[used + 1] = a;
        words[used + 2] = b;
        words[used + 3] = c;
        used += WORDS;
    }

    /** Sends the step to an MTLComputeCommandEncoder. What is bound already is not bound again. */
    void encode(long encoder) {
        Arrays.fill(boundBuffer, 0);
        long boundPipeline = 0;
        int boundSlots = 0;
        int boundMemory = 0;
        int slots = 0;
        int memory = 0;
        for (int at = 0; at < used; at += WORDS) {
            long a = words[at + 1];
            long b = words[at + 2];
            long c = words[at + 3];
            switch ((int) words[at]) {
                case PIPELINE -> {
                    if (a != boundPipeline) {
                        Send.send(encoder, Messages.SET_PIPELINE, a);
                        boundPipeline = a;
                    }
                }
                case BUFFER -> {
                    bind(encoder, (int) a, b, c);
                    slots |= 1 << a;
                }
                case BYTES -> {
                    Send.send(encoder, Messages.SET_BYTES, blocks.address() + b, c, a);
                    boundBuffer[(int) a] = 0;
                    slots |= 1 << a;
                }
                case THREADGROUP_MEMORY -> {
                    Send.send(encoder, Messages.SET_THREADGROUP_MEMORY, b, a);
                    memory |= 1 << a;
                }
                case GROUPS -> size(groups, a, b, c);
                case THREADS -> {
                    unbind(encoder, strict ? boundSlots & ~slots : 0);
                    dropMemory(encoder, boundMemory & ~memory);
                    size(threads, a, b, c);
                    Send.send(encoder, Messages.DISPATCH, groups, threads);
                    boundSlots = slots;
                    boundMemory = memory;
                    slots = 0;
                    memory = 0;
                }
                case BARRIER -> Send.send(encoder, Messages.BARRIER, BARRIER_SCOPE);
                default -> throw new AssertionError(words[at]);
            }
        }
    }

    private void bind(long encoder, int index, long buffer, long offset) {
        if (boundBuffer[index] != buffer) {
            Send.send(encoder, Messages.SET_BUFFER, buffer, offset, index);
            boundBuffer[index] = buffer;
            boundOffset[index] = offset;
        } else if (boundOffset[index] != offset) {
            Send.send(encoder, Messages.SET_BUFFER_OFFSET, offset, index);
            boundOffset[index] = offset;
        }
    }

    private void unbind(long encoder, int stale) {
        for (int rest = stale; rest != 0; rest &= rest - 1) {
            int index = Integer.numberOfTrailingZeros(rest);
            Send.send(encoder, Messages.SET_BUFFER, 0, 0, index);
            boundBuffer[index] = 0;
        }
    }

    /** Memory that an earlier kernel asked for would be set aside for later ones too and keep threadgroups waiting. */
    private static void dropMemory(long encoder, int stale) {
        for (int rest = stale; rest != 0; rest &= rest - 1) {
            Send.send(encoder, Messages.SET_THREADGROUP_MEMORY, 0, Integer.numberOfTrailingZeros(rest));
        }
    }

    private static void size(MemorySegment size, long x, long y, long z) {
        size.setAtIndex(ValueLayout.JAVA_LONG, 0, x);
        size.setAtIndex(ValueLayout.JAVA_LONG, 1, y);
        size.setAtIndex(ValueLayout.JAVA_LONG, 2, z);
    }

    @Override
    public void close() {
        arena.close();
    }
}
