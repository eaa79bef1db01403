package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A BF16 copy of one activation, for tensor cores: made when it is first multiplied, and good for every product until
 * something is written to the activation. Behind the rounded rows may lie what the rounding left over, rounded as well:
 * of an activation split into these two parts nothing above 2^-17 of itself is lost.
 */
final class Bf16Activations implements AutoCloseable {
    private final Encoder encoder;
    private final Kernel narrow;
    private final DeviceBuffer copy;
    private @Nullable DeviceBuffer source;
    private long start;
    private long end;
    private int cols;
    private int stride;
    private boolean isSplit;

    /** @param elements rows times columns times parts, at most */
    Bf16Activations(Encoder encoder, Shaders shaders, GpuDriver driver, long elements) {
        this.encoder = encoder;
        narrow = shaders.kernel("narrow.metal", "narrow_rows");
        copy = driver.allocate(DType.BF16.bytes(elements), "activations in BF16");
    }

    /**
     * The copy of a tensor's rows, dense.
     *
     * @param split whether the remainders are wanted too, {@link #partBytes} behind
     */
    @SuppressWarnings("ReferenceEquality") // Buffers have no value: each is its own memory.
    DeviceBuffer of(Tensor x, boolean split) {
        long first = encoder.start(x);
        long last = first + x.byteSpan(encoder.rows(x));
        boolean made = source == x.at().buffer()
                && start == first
                && end == last
                && cols == x.cols()
                && stride == x.rowStride()
                && (isSplit || !split);
        if (!made) {
            make(x, split);
            source = x.at().buffer();
            start = first;
            end = last;
            cols = x.cols();
            stride = x.rowStride();
            isSplit = split;
        }
        return copy;
    }

    /** Bytes of one part of a tensor's rows. */
    long partBytes(Tensor x) {
        return DType.BF16.bytes((long) encoder.rows(x) * x.cols());
    }

    private void make(Tensor x, boolean split) {
        int rows = encoder.rows(x);
        encoder.kernel(narrow)
                .args(4)
                .put(x.cols())
                .put(x.rowStride())
                .put(rows)
                .put(split ? 1 : 0);
        encoder.reads(x);
        encoder.writes(copy, 0, (split ? 2 : 1) * partBytes(x));
        encoder.runElements(x.cols() / 4, rows);
    }

    /** Hears of every write of a step. */
    @SuppressWarnings("ReferenceEquality")
    void written(DeviceBuffer buffer, long from, long to) {
        if (source == buffer && from < end && start < to) {
            source = null;
        }
    }

    /** Another step begins: what lies in the activations is not known any more. */
    void forget() {
        source = null;
    }

    @Override
    public void close() {
        copy.close();
    }
}
