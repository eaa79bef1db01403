package dev.jemma.kernels.gpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Weight;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A driver's own matrix-vector products of one row of activations with 4-bit weights in groups of 64: which weights they
 * take, and which of the kernels of {@code gemv_affine_mma} is best for a shape. A wide kernel's threadgroup makes 32
 * outputs, a paired one's 8, with more simdgroups on each: for matrices too small to fill the device otherwise.
 */
final class TensorCoreGemv {
    /** Columns that four lanes read at a time. */
    private static final int BLOCK = 128;

    private static final int GROUP_SIZE = 64;

    /** Outputs of a wide kernel's threadgroup. */
    static final int WIDE_OUTS = 32;

    /** Blocks that a simdgroup of a wide kernel has under way at a time. */
    private static final int WIDE_AHEAD = 3;

    private static final int PAIRED_OUTS = 8;
    private static final int SIMDGROUPS_PER_MULTIPROCESSOR = 32;

    /** Of the kernels whose threadgroup is a multiple of wide outputs, by type of scale: F16, BF16. */
    private final List<Kernel> wide;

    private final List<Kernel> qkv;
    private final List<Kernel> geglu;
    private final List<Kernel> paired8;
    private final List<Kernel> paired16;
    private final int multiprocessors;

    /** How a matrix-vector product is run: kernel, outputs of a threadgroup, simdgroups of one. */
    record Form(Kernel kernel, int outs, int simdgroups) {}

    private TensorCoreGemv(Shaders shaders, GpuLimits limits) {
        multiprocessors = limits.busySimdgroups() / SIMDGROUPS_PER_MULTIPROCESSOR;
        wide = byScale(shaders, "gemv_wide");
        qkv = byScale(shaders, "gemv_qkv_wide");
        geglu = byScale(shaders, "gemv_geglu_wide");
        paired8 = byScale(shaders, "gemv_paired_3x8");
        paired16 = byScale(shaders, "gemv_paired_2x16");
    }

    /** The driver's kernels, if it has them. */
    static Optional<TensorCoreGemv> of(Shaders shaders, GpuDriver driver) {
        return driver.ownLibrary("gemv_affine_mma").map(_ -> new TensorCoreGemv(shaders, driver.limits()));
    }

    private static List<Kernel> byScale(Shaders shaders, String function) {
        List<Kernel> kernels = new ArrayList<>();
        for (WeightFormat format : List.of(WeightFormat.AFFINE4_F16, WeightFormat.AFFINE4_BF16)) {
            kernels.add(shaders.own("gemv_affine_mma", function, format.functionConstants())
                    .orElseThrow());
        }
        return List.copyOf(kernels);
    }

    private static Kernel of(List<Kernel> kernels, Weight w) {
        return kernels.get(WeightFormat.of(w) == WeightFormat.AFFINE4_F16 ? 0 : 1);
    }

    /** Whether the kernels take a weight whose outputs a threadgroup makes {@code outs} at a time. */
    static boolean takes(Weight weight, int outs) {
        return weight instanceof AffineWeight w
                && w.bits() == 4
                && w.groupSize() == GROUP_SIZE
                && w.scaleType() != DType.F32
                && w.cols() % BLOCK == 0
                && w.rows() % outs == 0
                && multiple(w.codes(), 16)
                && multiple(w.scales(), 4)
                && multiple(w.biases(), 4);
    }

    private static boolean multiple(Region at, int bytes) {
        return at.byteOffset() % bytes == 0;
    }

    /** For a matrix on its own that the kernels take with {@link #WIDE_OUTS}. */
    Form matmul(Weight w) {
        int blocks = w.cols() / BLOCK;
        int pairs = Math.ceilDiv(blocks, 2);
        if (fills(w.rows() / WIDE_OUTS)) {
            return new Form(of(wide, w), WIDE_OUTS, 4);
        }
        if (pairs <= 2 * 16 && !fills(w.rows() / PAIRED_OUTS)) {
            return new Form(of(paired16, w), PAIRED_OUTS, 16);
        }
        if (blocks <= WIDE_AHEAD * 8) {
            return new Form(of(wide, w), WIDE_OUTS, 8);
        }
        return new Form(of(paired8, w), PAIRED_OUTS, 8);
    }

    /** For the three input projections, of the layout of {@code w} and with {@code rows} rows together. */
    Form qkv(Weight w, int rows) {
        return new Form(of(qkv, w), WIDE_OUTS, fills(rows / WIDE_OUTS) ? 4 : 8);
    }

    /** For gate and up, which share a threadgroup. */
    Form geglu(Weight w) {
        int outs = WIDE_OUTS / 2;
        return new Form(of(geglu, w), outs, fills(w.rows() / outs) ? 4 : 8);
    }

    /** Two threadgroups of 4 simdgroups a multiprocessor keep the memory busy, having 3 blocks each under way. */
    private boolean fills(int threadgroups) {
        return threadgroups >= 2 * multiprocessors;
    }
}
