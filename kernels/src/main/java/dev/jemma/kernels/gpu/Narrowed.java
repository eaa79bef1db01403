package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A BF16 copy of one activation, for matrix units: made when it is first multiplied, and good for every product until
 * something is written to the activation.
 */
final class Narrowed implements AutoCloseable {
    private final Encoder encoder;
    private final Kernel narrow;
    private final DeviceBuffer copy;
    private @Nullable DeviceBuffer source;
    private long start;
    private long end;
    private int cols;
    private int stride;

    Narrowed(Encoder encoder, Shaders shaders, GpuDriver driver, StepLimits limits) {
        this.encoder = encoder;
        narrow = shaders.kernel("narrow.metal", "narrow_rows");
        copy = driver.allocate(DType.BF16.bytes((long) limits.maxRows() * limits.maxCols()), "activations in BF16");
    }

    /** The copy of a tensor's rows, dense. */
    @SuppressWarnings("ReferenceEquality") // Buffers have no value: each is its own memory.
    DeviceBuffer of(Tensor x) {
        long first = x.at().byteOffset();
        long last = first + x.byteSpan(encoder.rows(x));
        boolean made = source == x.at().buffer()
                && start == first
                && end == last
                && cols == x.cols()
                && stride == x.rowStride();
        if (!made) {
            make(x);
            source = x.at().buffer();
            start = first;
            end = last;
            cols = x.cols();
            stride = x.rowStride();
        }
        return copy;
    }

    private void make(Tensor x) {
        int rows = encoder.rows(x);
        encoder.kernel(narrow).args(2).put(x.cols()).put(x.rowStride());
        encoder.reads(x);
        encoder.writes(copy, 0, DType.BF16.bytes((long) rows * x.cols()));
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
