package dev.jemma.kernels.cpu;

/**
 * The order in which dot products go through a range of weight rows: four rows a quarter of the range apart at once, and
 * of each quarter its two halves in turn. The prefetcher follows each of the eight as a stream of its own, and stops at
 * every page of each; what it fetched of one stream arrives while others are read. Weights of one stream come at half to
 * three quarters of the memory's speed (figures in docs/SPEED.md).
 */
final class Streams {
    private Streams() {}

    /** The {@code i}-th row of a quarter. */
    static int row(int i, int quarter) {
        return i % 2 == 0 ? i / 2 : (quarter + 1) / 2 + i / 2;
    }

    /** The {@code i}-th of {@code rows} rows where a kernel takes one at a time. */
    static int oneByOne(int i, int rows) {
        int quarter = rows / 4;
        return i < 4 * quarter ? i % 4 * quarter + row(i / 4, quarter) : i;
    }
}
