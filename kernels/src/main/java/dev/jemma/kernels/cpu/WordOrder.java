package dev.jemma.kernels.cpu;

/**
 * The order of activations that lets kernels take packed weights apart without shuffles. A 32-bit word of weights holds
 * {@code perWord} neighbouring elements (1 float, 2 halves, 4 bytes, 8 nibbles). A vector of words is split by shifts
 * and masks into {@code perWord} vectors: every word's first element, every word's second, and so on. Activations in
 * word order lie the same way: each block of {@code perWord * Lanes.COUNT} elements is stored as {@code perWord}
 * vectors. What is left after the last whole block stays in plain order.
 */
final class WordOrder {
    private WordOrder() {}

    /** Elements of a block. */
    static int block(int perWord) {
        return perWord * Lanes.COUNT;
    }

    /** Elements in whole blocks. */
    static int blocked(int cols, int perWord) {
        return cols - cols % block(perWord);
    }

    /** Writes {@code cols} elements of 32 bits from {@code x} to {@code out} in word order. */
    static void arrange(long out, long x, int cols, int perWord) {
        int blocked = blocked(cols, perWord);
        if (perWord == 1) {
            Memory.copy(out, x, 4L * cols);
            return;
        }
        for (int first = 0; first < blocked; first += block(perWord)) {
            for (int n = 0; n < perWord; n++) {
                long to = out + 4L * (first + n * Lanes.COUNT);
                long from = x + 4L * (first + n);
                for (int word = 0; word < Lanes.COUNT; word++) {
                    Memory.putI32(to + 4L * word, Memory.i32(from + 4L * word * perWord));
                }
            }
        }
        if (blocked < cols) {
            Memory.copy(out + 4L * blocked, x + 4L * blocked, 4L * (cols - blocked));
        }
    }
}
