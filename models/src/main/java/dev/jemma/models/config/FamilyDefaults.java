package dev.jemma.models.config;

import dev.jemma.models.gemma.GemmaConfig.Family;

/**
 * What Hugging Face's configuration classes assume where a file says nothing; the sparse files of multimodal Gemma 3
 * rely on them. Defaults that the families share stand where they are read.
 */
record FamilyDefaults(
        int vocabSize,
        int numHiddenLayers,
        int maxPositionEmbeddings,
        int slidingWindow,
        double attnLogitSoftcap,
        double finalLogitSoftcap) {

    static FamilyDefaults of(Family family) {
        return switch (family) {
            case GEMMA2 -> new FamilyDefaults(256_000, 26, 8192, 4096, 50, 30);
            case GEMMA3 -> new FamilyDefaults(262_208, 26, 131_072, 4096, 0, 0);
            case GEMMA4 -> new FamilyDefaults(262_144, 30, 131_072, 512, 0, 0);
        };
    }
}
