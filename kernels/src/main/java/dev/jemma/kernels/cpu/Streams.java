package dev.jemma.kernels.cpu;

import dev.jemma.kernels.host.Processor;

/**
 * The order in which dot products go through a range of weight rows: four rows a quarter of the range apart at once, and
 * of each quarter its two halves in turn. The prefetcher follows each of the eight as a stream of its own, and stops at
 * every page of each; what it fetched of one stream arrives while others are read. Weights of one stream come at half to
 * three quarters of the memory's speed (figures in docs/SPEED.md).
 */
final class Streams {
    /** AMD's prefetchers (Zen 4) follow four streams better than eight: 8-bit rows come at 16.4 instead of 12.7 GB/s. */
    private static final boolean HALVES = !Processor.here().isAmd();

    private static final int PAGE = 4096;

    private Streams() {}

    /**
     * Rows of a quarter of the next rows: where enough are left so many that quarters are whole pages apart. All four
     * streams then come to the end of their pages at once and wait for the next pages together, not one after the other.
     */
    static int quarter(int rows, long rowBytes) {
        int all = rows / 4;
        int unit = unit(rowBytes);
        return all < unit ? all : all - all % unit;
    }

    /** Fewest rows that are whole pages. */
    static int unit(long rowBytes) {
        return PAGE / (int) Math.min(PAGE, Long.lowestOneBit(rowBytes));
    }

    /** The {@code i}-th row of a quarter. */
    static int row(int i, int quarter) {
        if (!HALVES) {
            return i;
        }
        return i % 2 == 0 ? i / 2 : (quarter + 1) / 2 + i / 2;
    }

    /** The {@code i}-th of {@code rows} rows where a kernel takes one at a time. */
    static int oneByOne(int i, int rows) {
        int quarter = rows / 4;
        return i < 4 * quarter ? i % 4 * quarter + row(i / 4, quarter) : i;
    }
}
