package dev.jemma.kernels;

import org.jspecify.annotations.Nullable;

/**
 * A root-mean-square norm over groups of {@code size} neighbouring columns (a whole row, or one head of it):
 * {@code y_i = x_i / sqrt(mean(x^2) + eps) * factor_i}.
 *
 * @param factors {@code [size]}: what multiplies the normalised value. Gemma 2 and 3 store {@code w} and mean
 *     {@code 1 + w}; whoever loads the weights adds the one, so kernels know a single formula. Null: no factors.
 */
public record Norm(int size, float eps, @Nullable VectorF32 factors) {
    public Norm {
        if (size <= 0 || !(eps >= 0)) {
            throw new IllegalArgumentException("norm: expected size > 0 and eps >= 0, got " + size + " and " + eps);
        }
        if (factors != null && factors.length() != size) {
            throw new IllegalArgumentException("norm: expected " + size + " factors, got " + factors.length() + " in "
                    + factors.at().buffer().label());
        }
    }
}
