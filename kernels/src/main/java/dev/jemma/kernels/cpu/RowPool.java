package dev.jemma.kernels.cpu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of threads that share ranges of rows with the caller. Threads take the next chunk when they have done
 * theirs, and a task has ended when its chunks have, not when its threads have: a thread that the system keeps from
 * running delays nothing but a chunk it has begun, so that speed falls in proportion when other processes take cores.
 *
 * <p>Between tasks threads spin for a while, then park. A task allocates nothing.
 */
final class RowPool implements AutoCloseable {
    /** Longer than the gaps between the ops of a step (a norm on the caller takes 1 to 5 us), shorter than those of steps. */
    private static final long SPIN_NANOS = 50_000;

    /** Pauses between two looks at the clock; a pause takes up to 50 ns. */
    private static final int PAUSES_PER_LOOK = 32;

    /** Chunk index that no task reaches. */
    private static final long NONE = 0x7fff_ffffL;

    private static final VarHandle STATE;
    private static final VarHandle FINISHED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            STATE = lookup.findVarHandle(RowPool.class, "state", long.class);
            FINISHED = lookup.findVarHandle(RowPool.class, "finishedChunks", int.class);
        } catch (ReflectiveOperationException absent) {
            throw new ExceptionInInitializerError(absent);
        }
    }

    private final Worker[] workers;

    /** Task number in the upper half, next chunk to take in the lower. The task's fields are written while it is NONE. */
    private volatile long state = NONE;

    private volatile int finishedChunks;
    private @Nullable RowTask task;
    private int count;
    private int grain;
    private int numChunks;
    private volatile @Nullable Throwable failure;
    private volatile @Nullable Thread waiting;
    private volatile boolean closed;

    /** @param threads the caller's included */
    RowPool(int threads) {
        this(threads, 0);
    }

    /**
     * @param threads the caller's included
     * @param lateNanos how long after the first task one of the threads joins in
     */
    RowPool(int threads, long lateNanos) {
        workers = new Worker[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1, i == workers.length - 1 ? lateNanos : 0);
            workers[i].start();
        }
    }

    int threads() {
        return workers.length + 1;
    }

    /**
     * Runs {@code task} over {@code [0, count)} in chunks of at most {@code grain} and returns when all have ended. Work
     * of one chunk stays on the caller. What a chunk throws, this throws (the first, if several do), after all have ended.
     */
    synchronized void run(RowTask task, int count, int grain) {
        if (closed) {
            throw new IllegalStateException("the pool is closed");
        }
        if (count <= grain || workers.length == 0) {
            for (int from = 0; from < count; from += grain) {
                task.run(0, from, Math.min(count, from + grain));
            }
            return;
        }
        publish(task, count, grain);
        takeChunks(0);
        awaitChunks();
        Throwable thrown = failure;
        if (thrown != null) {
            failure = null;
            rethrow(thrown);
        }
    }

    private void publish(RowTask task, int count, int grain) {
        long number = (state >>> 32) + 1;
        state = (number << 32) | NONE;
        this.task = task;
        this.count = count;
        this.grain = grain;
        numChunks = Math.ceilDiv(count, grain);
        finishedChunks = 0;
        state = number << 32;
        for (Worker worker : workers) {
            if (worker.parked) {
                LockSupport.unpark(worker);
            }
        }
    }

    private boolean hasChunks() {
        long seen = state;
        return (seen & NONE) != NONE && (int) seen < numChunks;
    }

    /**
     * Takes chunks until none is left. Fields are read between reading the state and replacing it: had another task
     * been published meanwhile, its number would make the replacement fail.
     */
    private void takeChunks(int worker) {
        while (true) {
            long seen = state;
            RowTask current = task;
            int rows = count;
            int rowsPerChunk = grain;
            int chunks = numChunks;
            int chunk = (int) seen;
            if ((seen & NONE) == NONE || chunk >= chunks || current == null) {
                return;
            }
            if (!STATE.compareAndSet(this, seen, seen + 1)) {
                continue;
            }
            try {
                int from = chunk * rowsPerChunk;
                current.run(worker, from, Math.min(rows, from + rowsPerChunk));
            } catch (Throwable thrown) {
                recordFailure(thrown);
            }
            int finished = (int) FINISHED.getAndAdd(this, 1) + 1;
            if (finished == chunks) {
                LockSupport.unpark(waiting);
            }
        }
    }

    private void awaitChunks() {
        long spinEnd = System.nanoTime() + SPIN_NANOS;
        for (int pauses = 1; finishedChunks < numChunks; pauses++) {
            Thread.onSpinWait();
            if (pauses % PAUSES_PER_LOOK == 0 && System.nanoTime() - spinEnd > 0) {
                waiting = Thread.currentThread();
                while (finishedChunks < numChunks) {
                    LockSupport.park(this);
                }
                waiting = null;
            }
        }
    }

    private void recordFailure(Throwable thrown) {
        if (failure == null) {
            failure = thrown;
        }
    }

    private static void rethrow(Throwable thrown) {
        switch (thrown) {
            case RuntimeException exception -> throw exception;
            case Error error -> throw error;
            default -> throw new AssertionError("tasks declare no checked exceptions", thrown);
        }
    }

    /** Ends the threads and waits for them. */
    @Override
    public void close() {
        closed = true;
        for (Worker worker : workers) {
            LockSupport.unpark(worker);
        }
        boolean interrupted = false;
        for (Worker worker : workers) {
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException interruption) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Worker extends Thread {
        private final int index;
        private final long lateNanos;
        private volatile boolean parked;

        Worker(int index, long lateNanos) {
            super("jemma-cpu-" + index);
            this.index = index;
            this.lateNanos = lateNanos;
            setDaemon(true);
        }

        @Override
        public void run() {
            if (lateNanos > 0) {
                awaitTask();
                long start = System.nanoTime();
                for (long left = lateNanos; left > 0 && !closed; left = lateNanos - (System.nanoTime() - start)) {
                    LockSupport.parkNanos(this, left);
                }
            }
            while (!closed) {
                takeChunks(index);
                awaitTask();
            }
        }

        private void awaitTask() {
            long spinEnd = System.nanoTime() + SPIN_NANOS;
            for (int pauses = 1; !closed && !hasChunks(); pauses++) {
                Thread.onSpinWait();
                if (pauses % PAUSES_PER_LOOK == 0 && System.nanoTime() - spinEnd > 0) {
                    parked = true;
                    if (!closed && !hasChunks()) {
                        LockSupport.park(this);
                    }
                    parked = false;
                }
            }
        }
    }
}
