package dev.jemma.kernels.cpu;

/** Work on a range of rows (or outputs, or heads: whatever an op is divided by). Ranges are independent of each other. */
@FunctionalInterface
interface RowTask {
    /**
     * @param worker which thread of the pool runs it, 0 being the caller: an index to scratch memory
     * @param from first row
     * @param to past the last row
     */
    void run(int worker, int from, int to);
}
