package dev.jemma.kernels;

import org.jspecify.annotations.Nullable;

/** The three input projections of an attention block; {@code v} is null where values are made from keys. */
public record QkvWeight(Weight q, Weight k, @Nullable Weight v) {}
