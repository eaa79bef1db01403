package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import java.lang.foreign.Arena;

/**
 * Scaled dot-product attention over whole tensors in F32 or BF16 (computed in F32), for callers that keep keys and values
 * themselves: {@code out = softmax(scale q k^T + mask) v}. Everything is checked before a dispatch; each dispatch is
 * ordered after what the step encoded before it.
 */
public final class SdpaKernels implements AutoCloseable {
    private static final int QUERIES_PER_GROUP = 4;

    private final Arena arena = Arena.ofShared();
    private final Args args = new Args(arena, 10);
    private final Kernel f32;
    private final Kernel bf16;

    public SdpaKernels(GpuDriver driver) {
        Shaders shaders = new Shaders(driver);
        f32 = shaders.kernel("sdpa.metal", "sdpa_f32");
        bf16 = shaders.kernel("sdpa.metal", "sdpa_bf16");
    }

    /** Each query sees the keys up to its own if {@code causal}, else all. Rows {@code [0, kvSeqLen)} hold the keys. */
    public void sdpa(GpuStream stream, SdpaShape shape, boolean causal, SdpaOperands operands) {
        dispatch(stream, shape, operands, causal, 0, 0);
    }

    /**
     * Each query sees exactly the last {@code window} keys, its own included (all, while there are fewer).
     *
     * @param ringStart row of the oldest key; key i lies in row {@code (ringStart + i) % kvCapacity}
     */
    public void slidingSdpa(GpuStream stream, SdpaShape shape, int window, int ringStart, SdpaOperands operands) {
        if (window <= 0) {
            throw new IllegalArgumentException("sdpa: expected a window of at least 1, got " + window);
        }
        if (ringStart < 0 || ringStart >= shape.kvCapacity()) {
            throw new IllegalArgumentException(
                    "sdpa: ring start " + ringStart + " lies outside 0 to " + (shape.kvCapacity() - 1));
        }
        dispatch(stream, shape, operands, true, window, ringStart);
    }

    private void dispatch(
            GpuStream stream, SdpaShape shape, SdpaOperands operands, boolean causal, int window, int ringStart) {
        operands.check(shape);
        args.clear()
                .put(shape.numHeads())
                .put(shape.numKvHeads())
                .put(shape.headDim())
                .put(shape.seqLen())
                .put(shape.kvSeqLen())
                .put(shape.kvCapacity())
                .put(causal ? 1 : 0)
                .put(window)
                .put(ringStart)
                .put(shape.scale());
        stream.barrier();
        stream.pipeline((operands.dtype() == DType.F32 ? f32 : bf16).pipeline());
        stream.bytes(0, args.complete());
        stream.buffer(1, operands.q().buffer(), operands.q().byteOffset());
        stream.buffer(2, operands.k().buffer(), operands.k().byteOffset());
        stream.buffer(3, operands.v().buffer(), operands.v().byteOffset());
        stream.buffer(4, operands.out().buffer(), operands.out().byteOffset());
        stream.dispatch(
                Math.ceilDiv(shape.seqLen(), QUERIES_PER_GROUP),
                shape.numHeads(),
                shape.batch(),
                32 * QUERIES_PER_GROUP,
                1,
                1);
    }

    @Override
    public void close() {
        arena.close();
    }
}
