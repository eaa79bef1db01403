package dev.jemma.kernels.cpu;

import dev.jemma.kernels.host.Processor;

/**
 * Which lines of weights machine code asks for before it reads them: what a core has under way decides what the memory
 * gives. On AMD (Zen 4) reading alone makes 55 GB/s with lines asked for in L2, where it makes 50 with any in L1; on Intel
 * (Sapphire Rapids) L1 is as good and further ahead is worse (docs/SPEED.md).
 *
 * @param level of the caches, where lines come to: 1 or 2
 * @param bytes from what is read
 */
record Ahead(int level, int bytes) {
    private static final boolean AMD = Processor.here().isAmd();

    /** For weights of {@code bits}. */
    static Ahead of(int bits) {
        if (!AMD) {
            return new Ahead(1, 512);
        }
        return new Ahead(
                2,
                switch (bits) {
                    case 4 -> 2048;
                    case 8 -> 1536;
                    default -> 1024;
                });
    }
}
