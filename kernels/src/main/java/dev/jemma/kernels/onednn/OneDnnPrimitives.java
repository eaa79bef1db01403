package dev.jemma.kernels.onednn;

import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.host.HostBuffer;
import dev.jemma.kernels.host.HostMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One thread's share of oneDNN: the primitives it has needed, made at their first use (some tenths of a millisecond)
 * and kept for as long as they are among the last {@link #CAPACITY} in use. Calls of known shapes allocate nothing.
 */
public final class OneDnnPrimitives implements AutoCloseable {
    /** A model has about six shapes of weights, each with two or three shapes of chunks, and prompts of many lengths. */
    private static final int CAPACITY = 256;

    private final OneDnn dnn;
    private final HostMemory memory;
    private final long stream;
    private final List<Primitive> primitives = new ArrayList<>(CAPACITY);
    private @Nullable DeviceBuffer scratchpad;
    private long scratchpadAt;
    private long threadId;
    private long uses;

    private enum Kind {
        PRODUCT,
        DIGIT_PRODUCT,
        PACK_DIGITS,
        ROUND,
        WIDEN,
        REST,
        TURN,
        TURN_AND_ADD
    }

    public OneDnnPrimitives(OneDnn dnn, HostMemory memory) {
        this.dnn = dnn;
        this.memory = memory;
        stream = dnn.openStream();
    }

    /** {@code out[r, c] = sum_k w[r, k] x[c, k]}: BF16 {@code [rows, cols]} and {@code [columns, cols]}, all dense. */
    public void product(int rows, int columns, int cols, long w, long x, long out) {
        find(Kind.PRODUCT, rows, columns, cols, 0).run(w, x, out);
    }

    /**
     * {@code out[r, c] = sum_k w[r, k] x[c, k]}: INT8, to INT32.
     *
     * @param rowStride bytes from one row of {@code w} to the next; fast where rows begin at whole cache lines
     * @param x as {@link #packDigits} leaves it
     */
    public void digitProduct(int rows, int columns, int cols, int rowStride, long w, long x, long out) {
        find(Kind.DIGIT_PRODUCT, rows, columns, cols, rowStride).run(w, x, out);
    }

    /**
     * INT8 {@code [32, cols]}, dense, in the order that the right factor of a product is read in: from any multiple of 64
     * columns on it is the right factor of those behind.
     */
    public void packDigits(int cols, long x, long out) {
        find(Kind.PACK_DIGITS, OneDnn.PACKED_COLUMNS, cols, 0, 0).run(x, 0, out);
    }

    /**
     * Floats as sums of BF16 numbers: each is what the ones before it leave, rounded. Two leave 2^-17 of a float at
     * most, three nothing. In four passes a part, since oneDNN has no fast kernel that subtracts BF16 from F32.
     *
     * @param to the first part; the next ones lie {@code step} bytes further
     * @param rests room for {@code 2 * rows * cols} floats
     */
    public void split(int rows, int cols, int parts, long x, long to, long step, long rests) {
        long left = x;
        long next = rests;
        Primitive round = find(Kind.ROUND, rows, cols, 0, 0);
        for (int part = 0; part < parts; part++) {
            long at = to + part * step;
            round.run(left, 0, at);
            if (part < parts - 1) {
                find(Kind.WIDEN, rows, cols, 0, 0).run(at, 0, next);
                find(Kind.REST, rows, cols, 0, 0).run(left, 0, next);
                left = next;
                next = rests + 4L * rows * cols;
            }
        }
    }

    /** {@code out[c, r] = x[r, c]} for {@code columns} of each row. Strides in elements. */
    public void turn(int rows, int columns, long x, int xStride, long out, int outStride) {
        find(Kind.TURN, rows, columns, xStride, outStride).run(x, 0, out);
    }

    /** {@code out[c, r] += x[r, c]}. */
    public void turnAndAdd(int rows, int columns, long x, int xStride, long out, int outStride) {
        find(Kind.TURN_AND_ADD, rows, columns, xStride, outStride).run(x, 0, out);
    }

    private Primitive find(Kind kind, int a, int b, int c, int d) {
        long current = Thread.currentThread().threadId();
        if (threadId != current) {
            dnn.useThisThreadAlone();
            threadId = current;
        }
        for (int i = 0; i < primitives.size(); i++) {
            Primitive known = primitives.get(i);
            if (known.key.is(kind, a, b, c, d)) {
                return known;
            }
        }
        if (primitives.size() == CAPACITY) {
            dropOldest();
        }
        Primitive made = new Primitive(new Key(kind, a, b, c, d));
        primitives.add(made);
        return made;
    }

    private void dropOldest() {
        Primitive oldest = primitives.getFirst();
        for (Primitive known : primitives) {
            oldest = known.lastUse < oldest.lastUse ? known : oldest;
        }
        primitives.remove(oldest);
        oldest.free();
    }

    /** Room for the primitive that wants the most; its pages take real memory only as far as they are used. */
    private long scratchpad(long byteSize) {
        if (scratchpad == null || scratchpad.byteSize() < byteSize) {
            if (scratchpad != null) {
                scratchpad.close();
            }
            scratchpad = memory.allocate(byteSize, "cpu scratch: oneDNN");
            scratchpadAt = HostBuffer.address(new Region(scratchpad, 0));
        }
        return scratchpadAt;
    }

    @Override
    public void close() {
        primitives.forEach(Primitive::free);
        primitives.clear();
        if (scratchpad != null) {
            scratchpad.close();
            scratchpad = null;
        }
        dnn.destroy("stream", stream);
    }

    /** Sizes and strides in the order of the method's arguments. */
    private record Key(Kind kind, int a, int b, int c, int d) {
        boolean is(Kind kind, int a, int b, int c, int d) {
            return this.kind == kind && this.a == a && this.b == b && this.c == c && this.d == d;
        }
    }

    /** Fixed sizes; where its operands lie is said with every call. */
    private final class Primitive {
        /** {@code dnnl_exec_arg_t}: a number and a pointer. */
        private static final long OPERAND_BYTES = 16;

        private static final int MAX_OPERANDS = 4;

        private final Key key;
        private final long handle;
        private final DeviceBuffer operandsBuffer;
        private final MemorySegment operands;
        private final long src;
        private final long weights;
        private final long dst;
        private final long scratch;
        private final long scratchBytes;
        private int numOperands;
        private long lastUse;

        Primitive(Key key) {
            this.key = key;
            operandsBuffer = memory.allocate(MAX_OPERANDS * OPERAND_BYTES, "operands of a oneDNN primitive");
            operands = HostBuffer.segment(new Region(operandsBuffer, 0));
            long description;
            switch (key.kind) {
                case PRODUCT -> {
                    long w = dnn.matrix(OneDnn.BF16, key.a, key.c, key.c, 1);
                    long x = dnn.matrix(OneDnn.BF16, key.c, key.b, 1, key.c);
                    long out = dnn.matrix(OneDnn.F32, key.a, key.b, key.b, 1);
                    description = dnn.product(w, x, out);
                    src = operand(OneDnn.ARG_SRC, w);
                    weights = operand(OneDnn.ARG_WEIGHTS, x);
                    dst = operand(OneDnn.ARG_DST, out);
                }
                case DIGIT_PRODUCT -> {
                    long w = dnn.matrix(OneDnn.S8, key.a, key.c, key.d, 1);
                    long x = dnn.packed(key.c, key.b);
                    long out = dnn.matrix(OneDnn.S32, key.a, key.b, key.b, 1);
                    description = dnn.product(w, x, out);
                    src = operand(OneDnn.ARG_SRC, w);
                    weights = operand(OneDnn.ARG_WEIGHTS, x);
                    dst = operand(OneDnn.ARG_DST, out);
                }
                case PACK_DIGITS -> {
                    long from = dnn.matrix(OneDnn.S8, key.b, key.a, 1, key.b);
                    long to = dnn.packed(key.b, key.a);
                    description = dnn.reorder(from, to, 0);
                    src = operand(OneDnn.ARG_SRC, from);
                    weights = 0;
                    dst = operand(OneDnn.ARG_DST, to);
                }
                case ROUND, WIDEN, REST -> {
                    long from = dense(key.kind == Kind.WIDEN ? OneDnn.BF16 : OneDnn.F32, key);
                    long to = dense(key.kind == Kind.ROUND ? OneDnn.BF16 : OneDnn.F32, key);
                    description = dnn.reorder(from, to, key.kind == Kind.REST ? -1 : 0);
                    src = operand(OneDnn.ARG_SRC, from);
                    weights = 0;
                    dst = operand(OneDnn.ARG_DST, to);
                }
                case TURN, TURN_AND_ADD -> {
                    long from = dnn.matrix(OneDnn.F32, key.b, key.a, 1, key.c);
                    long to = dnn.matrix(OneDnn.F32, key.b, key.a, key.d, 1);
                    description = dnn.reorder(from, to, key.kind == Kind.TURN_AND_ADD ? 1 : 0);
                    src = operand(OneDnn.ARG_SRC, from);
                    weights = 0;
                    dst = operand(OneDnn.ARG_DST, to);
                }
                default -> throw new AssertionError(key.kind);
            }
            handle = dnn.primitive(description);
            long scratchLayout = dnn.scratchpad(description);
            scratchBytes = dnn.byteSize(scratchLayout);
            scratch = scratchBytes == 0 ? 0 : addOperand(OneDnn.ARG_SCRATCHPAD, scratchLayout);
            dnn.destroy("primitive_desc", description);
        }

        private long dense(int dtype, Key key) {
            return dnn.matrix(dtype, key.a, key.b, key.b, 1);
        }

        /** Memory of this layout, which is freed. */
        private long operand(int number, long layout) {
            long operand = addOperand(number, layout);
            dnn.destroy("memory_desc", layout);
            return operand;
        }

        private long addOperand(int number, long layout) {
            long operand = dnn.memory(layout);
            long at = numOperands++ * OPERAND_BYTES;
            operands.set(ValueLayout.JAVA_INT, at, number);
            operands.set(ValueLayout.JAVA_LONG, at + 8, operand);
            return operand;
        }

        void run(long srcAt, long weightsAt, long dstAt) {
            lastUse = ++uses;
            dnn.place(src, srcAt);
            if (weights != 0) {
                dnn.place(weights, weightsAt);
            }
            dnn.place(dst, dstAt);
            if (scratch != 0) {
                dnn.place(scratch, scratchpad(scratchBytes));
            }
            dnn.execute(handle, stream, numOperands, operands.address());
        }

        void free() {
            dnn.destroy("primitive", handle);
            dnn.destroy("memory", src);
            dnn.destroy("memory", dst);
            if (weights != 0) {
                dnn.destroy("memory", weights);
            }
            if (scratch != 0) {
                dnn.destroy("memory", scratch);
            }
            operandsBuffer.close();
        }
    }
}
