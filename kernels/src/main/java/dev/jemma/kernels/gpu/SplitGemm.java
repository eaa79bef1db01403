package dev.jemma.kernels.gpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A driver's own kernels for few rows, {@code gemm_split}: weights are read once for up to 64 rows, and operands are
 * split, so that products are as exact as F32's. A row's results depend on nothing but its activations.
 */
final class SplitGemm {
    /** Rows at which the vendor's multiplication is faster: of BF16 weights, and of those that it must dequantize. */
    private static final int MOST_DENSE_ROWS = 8;

    static final int MOST_ROWS = 16;

    /** Rows that a tile of a threadgroup has, of which it may have 1, 2, 4 or 8. */
    private static final int TILE_ROWS = 8;

    private static final int TILE_OUTS = 16;
    private static final int THREADS = 256;
    private static final int[] ROW_TILES = {1, 2, 4, 8};
    private static final int[] OUT_TILES = {1, 2, 4};
    private static final int SIMDGROUPS_PER_MULTIPROCESSOR = 32;

    private final Encoder encoder;
    private final Bf16Activations activations;
    private final int multiprocessors;

    /** By {@link #ROW_TILES}, then by {@link #OUT_TILES}, of which only the most rows have the last. */
    private final Map<WeightFormat, Kernel[][]> kernels = new EnumMap<>(WeightFormat.class);

    /** What stands in the place of a projection that is not there. */
    private record Projection(Tensor out, Weight w, int outs) {}

    SplitGemm(Encoder encoder, Shaders shaders, GpuDriver driver, Bf16Activations activations) {
        this.encoder = encoder;
        this.activations = activations;
        multiprocessors = driver.limits().busySimdgroups() / SIMDGROUPS_PER_MULTIPROCESSOR;
        for (WeightFormat format : WeightFormat.values()) {
            if (format.isAffine() || format == WeightFormat.BF16) {
                kernels.put(format, kernels(shaders, format));
            }
        }
    }

    private static Kernel[][] kernels(Shaders shaders, WeightFormat format) {
        Kernel[][] bySize = new Kernel[ROW_TILES.length][];
        for (int rows = 0; rows < ROW_TILES.length; rows++) {
            bySize[rows] = new Kernel[rows == ROW_TILES.length - 1 ? OUT_TILES.length : OUT_TILES.length - 1];
            for (int outs = 0; outs < bySize[rows].length; outs++) {
                bySize[rows][outs] = kernel(shaders, format, OUT_TILES[outs], ROW_TILES[rows]);
            }
        }
        return bySize;
    }

    private static Kernel kernel(Shaders shaders, WeightFormat format, int outTiles, int rowTiles) {
        String name = String.format(Locale.ROOT, "split_gemm_%s_%dx%d", format.kernelName(), outTiles, rowTiles);
        return shaders.own("gemm_split", name, format.functionConstants()).orElseThrow();
    }

    /** Whether a driver has the kernels. */
    static boolean isOffered(GpuDriver driver) {
        return driver.ownLibrary("gemm_split").isPresent();
    }

    /** Whether so few rows are multiplied faster by these kernels than by the vendor's. */
    static boolean isFasterFor(int rows, Weight w) {
        return rows <= (w instanceof DenseWeight ? MOST_DENSE_ROWS : MOST_ROWS);
    }

    /** Whether the kernels take these, whatever the number of rows: a lane reads 16 bytes of weights at a time. */
    static boolean takes(Tensor x, Weight w) {
        boolean format = switch (w) {
            case DenseWeight dense ->
                dense.dtype() == DType.BF16 && dense.at().byteOffset() % 16 == 0 && dense.cols() % 8 == 0;
            case AffineWeight affine ->
                WeightFormat.aligned(affine)
                        && affine.codes().byteOffset() % 16 == 0
                        && affine.cols() % (128 / affine.bits()) == 0;
        };
        return format && Encoder.aligned(x);
    }

    void matmul(Tensor out, Tensor x, Weight w) {
        Projection one = new Projection(out, w, w.rows());
        Projection none = new Projection(out, w, 0);
        run(x, one, none, none);
    }

    /** Several projections of the same input, whose weights have one layout. */
    void matmuls(Tensor x, Tensor out0, Weight w0, Tensor out1, Weight w1, @Nullable Tensor out2, @Nullable Weight w2) {
        Projection third =
                out2 == null || w2 == null ? new Projection(out1, w1, 0) : new Projection(out2, w2, w2.rows());
        run(x, new Projection(out0, w0, w0.rows()), new Projection(out1, w1, w1.rows()), third);
    }

    private void run(Tensor x, Projection p0, Projection p1, Projection p2) {
        int rows = encoder.rows(x);
        int rowTiles = rowTiles(rows);
        Kernel[] byOuts = Objects.requireNonNull(kernels.get(WeightFormat.of(p0.w())))[rowTiles];
        int outTiles = outTiles(byOuts.length, p0.outs() + p1.outs() + p2.outs());
        DeviceBuffer split = activations.of(x, true);
        encoder.kernel(byOuts[outTiles])
                .args(9)
                .put(x.cols())
                .put(rows)
                .put(WeightFormat.groupShift(p0.w()))
                .put(p0.outs())
                .put(p1.outs())
                .put(p2.outs())
                .put(p0.out().rowStride())
                .put(p1.out().rowStride())
                .put(p2.out().rowStride());
        encoder.reads(split, 0, 2 * activations.partBytes(x));
        operands(p0);
        operands(p1);
        operands(p2);
        int outs = TILE_OUTS * OUT_TILES[outTiles];
        int blocks = Math.ceilDiv(p0.outs(), outs) + Math.ceilDiv(p1.outs(), outs) + Math.ceilDiv(p2.outs(), outs);
        encoder.run(blocks, Math.ceilDiv(rows, TILE_ROWS * ROW_TILES[rowTiles]), 1, THREADS);
    }

    private void operands(Projection p) {
        encoder.anyWeight(p.w());
        if (p.outs() == 0) {
            encoder.constant(p.out().at());
        } else {
            encoder.writes(p.out());
        }
    }

    private static int rowTiles(int rows) {
        int tiles = 0;
        while (tiles < ROW_TILES.length - 1 && TILE_ROWS * ROW_TILES[tiles] < rows) {
            tiles++;
        }
        return tiles;
    }

    /** More outputs share a row's activations where two threadgroups a multiprocessor are left. */
    private int outTiles(int most, int outs) {
        int tiles = most - 1;
        while (tiles > 0 && outs / (TILE_OUTS * OUT_TILES[tiles]) < 2 * multiprocessors) {
            tiles--;
        }
        return tiles;
    }
}
