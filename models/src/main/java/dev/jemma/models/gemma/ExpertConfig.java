package dev.jemma.models.gemma;

/** Mixture of experts: {@code topK} of {@code numExperts} experts of width {@code intermediateSize} for each token. */
public record ExpertConfig(int numExperts, int topK, int intermediateSize) {}
