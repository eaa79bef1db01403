package dev.jemma.kernels;

import org.jspecify.annotations.Nullable;

/** Norms over single heads before RoPE (queries, keys) and before the cache (values); null where a model has none. */
public record HeadNorms(
        @Nullable Norm q, @Nullable Norm k, @Nullable Norm v) {
    public static final HeadNorms NONE = new HeadNorms(null, null, null);
}
