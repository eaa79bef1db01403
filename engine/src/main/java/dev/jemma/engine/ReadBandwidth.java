package dev.jemma.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/** How fast this machine's processors read memory: what bounds a decode on them. */
public final class ReadBandwidth {
    /** Several times any last-level cache's share of a core, and little enough to have to spare. */
    private static final long BYTES = 256L << 20;

    /** Of each stream, at a time. */
    private static final int STRIP = 16 << 10;

    /** The first ones run uncompiled code. */
    private static final int ROUNDS = 30;

    private ReadBandwidth() {}

    /** Bytes per second that {@code threads} threads read together: the best of a few rounds over 256 MiB. */
    public static double measure(int threads) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(BYTES);
            memory.fill((byte) 1);
            long part = BYTES / threads / 64 * 64;
            long best = Long.MAX_VALUE;
            for (int round = 0; round < ROUNDS; round++) {
                long start = System.nanoTime();
                IntStream.range(0, threads)
                        .mapToObj(i -> Thread.ofPlatform().unstarted(new Reader(memory.asSlice(i * part, part))))
                        .peek(Thread::start)
                        .toList()
                        .stream()
                        .forEach(ReadBandwidth::join);
                best = Math.min(best, System.nanoTime() - start);
            }
            return part * threads * 1e9 / best;
        }
    }

    private static void join(Thread reader) {
        try {
            reader.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while measuring", e);
        }
    }

    /** Reads its part; the sum is checked so that the loop cannot be left out. */
    private record Reader(MemorySegment part) implements Runnable {
        @Override
        public void run() {
            // Four streams keep more lines on their way than one.
            long quarter = part.byteSize() / 4 / STRIP * STRIP;
            long sum = 0;
            for (long at = 0; at < quarter; at += STRIP) {
                sum += strips(at, quarter);
            }
            long expected = 0x0101010101010101L * (quarter / 8) * 4;
            if (sum != expected) {
                throw new AssertionError("memory of ones sums to " + sum);
            }
        }

        /** A strip of each stream: a short loop over an int, which the compiler soon knows and unrolls. */
        private long strips(long at, long quarter) {
            MemorySegment first = part.asSlice(at, STRIP);
            MemorySegment second = part.asSlice(quarter + at, STRIP);
            MemorySegment third = part.asSlice(2 * quarter + at, STRIP);
            MemorySegment fourth = part.asSlice(3 * quarter + at, STRIP);
            long a = 0;
            long b = 0;
            long c = 0;
            long d = 0;
            for (int i = 0; i < STRIP; i += 8) {
                a += first.get(ValueLayout.JAVA_LONG_UNALIGNED, i);
                b += second.get(ValueLayout.JAVA_LONG_UNALIGNED, i);
                c += third.get(ValueLayout.JAVA_LONG_UNALIGNED, i);
                d += fourth.get(ValueLayout.JAVA_LONG_UNALIGNED, i);
            }
            return a + b + c + d;
        }
    }
}
