package dev.jemma.kernels.gpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;

/**
 * Projections of many rows through the vendor's matrix multiplication, where the driver has one: BF16 operands, F32 sums.
 * BF16 weights are taken as they are, affine ones are dequantized a panel at a time. Activations, and dequantized weights,
 * are rounded to BF16, or split into two BF16 numbers whose products are added up: then nothing above 2^-17 of an operand
 * is lost, for two products of BF16 weights and three of affine ones.
 */
final class TensorCoreGemm implements AutoCloseable {
    /** A panel of dequantized weights at most: 64 Mi elements. The largest projections of a layer take one or two. */
    private static final long PANEL_ELEMENTS = 64L << 20;

    /** Threadgroups of a grid in y, on CUDA, to whole 8. */
    private static final int MAX_PANEL_ROWS = 65_528;

    private final Encoder encoder;
    private final Bf16Activations activations;
    private final KernelFamily dequantize;
    private final DeviceBuffer panel;
    private final boolean split;
    private final boolean rowInvariant;

    TensorCoreGemm(
            Encoder encoder,
            Shaders shaders,
            GpuDriver driver,
            Bf16Activations activations,
            boolean split,
            boolean rowInvariant) {
        this.encoder = encoder;
        this.activations = activations;
        this.split = split;
        this.rowInvariant = rowInvariant;
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
        switch (w) {
            case DenseWeight dense -> multiply(out, 0, dense.rows(), x, dense.at());
            case AffineWeight affine -> panels(out, x, affine);
        }
    }

    private void panels(Tensor out, Tensor x, AffineWeight w) {
        int most = (int) Math.min(MAX_PANEL_ROWS, PANEL_ELEMENTS / w.cols() / 8 * 8);
        for (int first = 0; first < w.rows(); first += most) {
            int outs = Math.min(most, w.rows() - first);
            dequantize(w, first, outs, false);
            multiply(out, first, outs, x, new Region(panel, 0));
            if (split) {
                dequantize(w, first, outs, true);
                multiply(out, first, outs, x, new Region(panel, 0), false, true);
            }
        }
    }

    private void dequantize(AffineWeight w, int first, int outs, boolean remainders) {
        encoder.kernel(dequantize.of(w))
                .args(4)
                .put(w.cols())
                .put(first)
                .put(WeightFormat.groupShift(w))
                .put(remainders ? 1 : 0);
        encoder.weight(w);
        encoder.writes(panel, 0, DType.BF16.bytes((long) outs * w.cols()));
        encoder.runElements(w.cols() / 8, outs);
    }

    private void multiply(Tensor out, int firstOut, int outs, Tensor x, Region w) {
        multiply(out, firstOut, outs, x, w, false, false);
        if (split) {
            multiply(out, firstOut, outs, x, w, true, true);
        }
    }

    private void multiply(
            Tensor out, int firstOut, int outs, Tensor x, Region w, boolean remainders, boolean accumulates) {
        DeviceBuffer rows = activations.of(x, split);
        long part = activations.partBytes(x);
        long outOffset = encoder.start(out) + DType.F32.bytes(firstOut);
        long outBytes = out.byteSpan(encoder.rows(out)) - DType.F32.bytes(out.cols() - outs);
        encoder.begin();
        encoder.reads(rows, remainders ? part : 0, part);
        encoder.reads(w.buffer(), w.byteOffset(), DType.BF16.bytes((long) outs * x.cols()));
        encoder.writes(out.at().buffer(), outOffset, outBytes);
        encoder.multiply(new Product(encoder.rows(x), outs, x.cols(), out.rowStride(), accumulates, rowInvariant));
    }

    @Override
    public void close() {
        panel.close();
    }
}
