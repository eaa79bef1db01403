package dev.jemma.kernels.gpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;

/**
 * Projections of many rows through the vendor's matrix multiplication, where the driver has one: BF16 operands, F32 sums.
 * Activations are rounded to BF16; BF16 weights are taken as they are, affine ones are dequantized a panel at a time.
 */
final class MatrixUnits implements AutoCloseable {
    /** A panel of dequantized weights at most: 64 Mi elements. The largest projections of a layer take one or two. */
    private static final long PANEL_ELEMENTS = 64L << 20;

    /** Threadgroups of a grid in y, on CUDA, to whole 8. */
    private static final int MAX_PANEL_ROWS = 65_528;

    private final Encoder encoder;
    private final Narrowed narrowed;
    private final KernelFamily dequantize;
    private final DeviceBuffer panel;

    MatrixUnits(Encoder encoder, Shaders shaders, GpuDriver driver, StepLimits limits) {
        this.encoder = encoder;
        narrowed = new Narrowed(encoder, shaders, driver, limits);
        encoder.tell(narrowed);
        dequantize = shaders.byFormat("narrow.metal", "narrow.metal", "dequantize_%s");
        panel = driver.allocate(DType.BF16.bytes(PANEL_ELEMENTS), "dequantized weights");
    }

    /** Whether {@link #matmul} can take these: what the vendor's kernels want is aligned to 16 bytes. */
    static boolean takes(Tensor out, Tensor x, Weight w) {
        boolean format = switch (w) {
            case DenseWeight dense -> dense.dtype() == DType.BF16 && dense.at().byteOffset() % 16 == 0;
            case AffineWeight affine -> WeightFormat.aligned(affine);
        };
        return format && w.cols() % 8 == 0 && w.rows() % 4 == 0 && Encoder.aligned(x) && Encoder.aligned(out);
    }

    void matmul(Tensor out, Tensor x, Weight w) {
        DeviceBuffer rows = narrowed.of(x);
        switch (w) {
            case DenseWeight dense -> multiply(out, 0, dense.rows(), rows, x, dense.at());
            case AffineWeight affine -> panels(out, x, affine, rows);
        }
    }

    private void panels(Tensor out, Tensor x, AffineWeight w, DeviceBuffer rows) {
        int most = (int) Math.min(MAX_PANEL_ROWS, PANEL_ELEMENTS / w.cols() / 8 * 8);
        for (int first = 0; first < w.rows(); first += most) {
            int outs = Math.min(most, w.rows() - first);
            encoder.kernel(dequantize.of(w)).args(3).put(w.cols()).put(first).put(WeightFormat.groupShift(w));
            encoder.weight(w);
            encoder.writes(panel, 0, DType.BF16.bytes((long) outs * w.cols()));
            encoder.runElements(w.cols() / 8, outs);
            multiply(out, first, outs, rows, x, new Region(panel, 0));
        }
    }

    private void multiply(Tensor out, int firstOut, int outs, DeviceBuffer rows, Tensor x, Region w) {
        long outOffset = out.at().byteOffset() + DType.F32.bytes(firstOut);
        long outBytes = out.byteSpan(encoder.rows(out)) - DType.F32.bytes(out.cols() - outs);
        encoder.begin();
        encoder.reads(rows, 0, DType.BF16.bytes((long) encoder.rows(x) * x.cols()));
        encoder.reads(w.buffer(), w.byteOffset(), DType.BF16.bytes((long) outs * x.cols()));
        encoder.writes(out.at().buffer(), outOffset, outBytes);
        encoder.multiply(encoder.rows(x), outs, x.cols(), out.rowStride());
    }

    @Override
    public void close() {
        narrowed.close();
        panel.close();
    }
}
