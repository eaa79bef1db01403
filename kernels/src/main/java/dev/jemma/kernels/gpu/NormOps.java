package dev.jemma.kernels.gpu;

import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** Norms over whole rows or groups of columns: {@code norm.metal}. */
final class NormOps {
    private final Encoder encoder;
    private final Kernel norm;
    private final Kernel addNorm;
    private final Kernel wideAddNorm;

    NormOps(Encoder encoder, Shaders shaders) {
        this.encoder = encoder;
        norm = shaders.kernel("norm.metal", "rms_norm");
        addNorm = shaders.kernel("norm.metal", "add_norm_held4");
        wideAddNorm = shaders.kernel("norm.metal", "add_norm_held8");
    }

    void rmsNorm(Tensor out, Tensor x, Norm spec) {
        encoder.kernel(norm)
                .args(5)
                .put(spec.size())
                .put(out.rowStride())
                .put(x.rowStride())
                .put(spec.factors() == null ? 0 : 1)
                .put(spec.eps());
        encoder.reads(x);
        encoder.factors(spec.factors(), x);
        encoder.writes(out);
        encoder.run(x.cols() / spec.size(), encoder.rows(x), 1, encoder.threadsFor(spec.size()));
    }

    /** Whether {@link #addNorm} can take both norms at once: each over the whole row, which the threads can hold. */
    boolean takes(Tensor x, Norm post, @Nullable Norm pre) {
        return post.size() == x.cols()
                && (pre == null || pre.size() == x.cols())
                && x.cols() <= 8 * wideAddNorm.pipeline().maxThreadsPerThreadgroup();
    }

    /** {@code x = (x + post(y)) * scale}, then {@code out = pre(x)} unless {@code pre} is null. */
    void addNorm(Tensor out, Tensor x, Tensor y, Norm post, float scale, @Nullable Norm pre) {
        boolean narrow = x.cols() <= 4 * addNorm.pipeline().maxThreadsPerThreadgroup();
        encoder.kernel(narrow ? addNorm : wideAddNorm)
                .args(10)
                .put(post.size())
                .put(x.rowStride())
                .put(y.rowStride())
                .put(out.rowStride())
                .put(post.factors() == null ? 0 : 1)
                .put(pre == null || pre.factors() == null ? 0 : 1)
                .put(post.eps())
                .put(pre == null ? 0 : pre.eps())
                .put(scale)
                .put(pre == null ? 0 : 1);
        encoder.writes(x);
        encoder.reads(y);
        encoder.factors(post.factors(), y);
        encoder.factors(pre == null ? null : pre.factors(), y);
        encoder.writes(out);
        encoder.run(encoder.rows(x), 1, 1, encoder.threadsFor(post.size()));
    }
}
