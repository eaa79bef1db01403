package dev.jemma.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class RowPoolTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void everyRowIsRunOnceInRangesNoLongerThanTheGrain(int threads) {
        try (RowPool pool = new RowPool(threads)) {
            for (int count : new int[] {0, 1, 7, 8, 9, 1000}) {
                for (int grain : new int[] {1, 3, 8, 2000}) {
                    AtomicIntegerArray runs = new AtomicIntegerArray(count);
                    pool.run(
                            (worker, from, to) -> {
                                assertThat(to - from).isBetween(1, grain);
                                assertThat(worker).isBetween(0, threads - 1);
                                for (int row = from; row < to; row++) {
                                    runs.incrementAndGet(row);
                                }
                            },
                            count,
                            grain);
                    for (int row = 0; row < count; row++) {
                        assertThat(runs.get(row))
                                .as("row %s of %s by %s", row, count, grain)
                                .isEqualTo(1);
                    }
                }
            }
        }
    }

    /** A chunk taken for one task must never be run for the next: many short tasks, each with rows of its own. */
    @Test
    void tasksDoNotMixHoweverQuicklyTheyFollow() {
        try (RowPool pool = new RowPool(4)) {
            int[] sums = new int[64];
            for (int task = 1; task <= 20_000; task++) {
                int value = task;
                int count = 2 + task % 60;
                pool.run((worker, from, to) -> sums[from] = value, count, 1);
                for (int row = 0; row < count; row++) {
                    assertThat(sums[row]).as("row %s after task %s", row, task).isEqualTo(value);
                }
            }
        }
    }

    @Test
    void parkedThreadsWakeUp() throws InterruptedException {
        try (RowPool pool = new RowPool(2)) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
            CountDownLatch bothRun = new CountDownLatch(2);
            // Ends only if a second thread takes the other chunk.
            pool.run(
                    (worker, from, to) -> {
                        bothRun.countDown();
                        awaitQuietly(bothRun);
                    },
                    2,
                    1);
            assertThat(bothRun.await(0, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void aThreadThatIsLateJoinsInTheEnd() throws InterruptedException {
        try (RowPool pool = new RowPool(2, TimeUnit.MILLISECONDS.toNanos(30))) {
            int[] rows = new int[10];
            pool.run((worker, from, to) -> rows[from] = 1, 10, 1);
            assertThat(rows).containsOnly(1);
            CountDownLatch bothRun = new CountDownLatch(2);
            pool.run(
                    (worker, from, to) -> {
                        bothRun.countDown();
                        awaitQuietly(bothRun);
                    },
                    2,
                    1);
            assertThat(bothRun.await(0, TimeUnit.SECONDS)).isTrue();
        }
        // One that nothing was run on, and one whose thread is still waiting, can be closed.
        new RowPool(2, TimeUnit.DAYS.toNanos(1)).close();
        try (RowPool pool = new RowPool(2, TimeUnit.DAYS.toNanos(1))) {
            pool.run((worker, from, to) -> {}, 10, 1);
        }
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException interruption) {
            throw new AssertionError(interruption);
        }
    }

    @Test
    void whatAWorkerThrowsReachesTheCallerAndThePoolGoesOn() {
        try (RowPool pool = new RowPool(2)) {
            for (int thrower = 0; thrower < 2; thrower++) {
                int throwing = thrower;
                CountDownLatch bothRun = new CountDownLatch(2);
                RowTask task = (worker, from, to) -> {
                    bothRun.countDown();
                    awaitQuietly(bothRun);
                    if (worker == throwing) {
                        throw new IllegalStateException("worker " + worker);
                    }
                };
                assertThatThrownBy(() -> pool.run(task, 2, 1))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage("worker " + throwing);
            }
            int[] rows = new int[10];
            pool.run((worker, from, to) -> rows[from] = 1, 10, 1);
            assertThat(rows).containsOnly(1);
        }
    }

    @Test
    void closeEndsTheThreads() {
        RowPool pool = new RowPool(3);
        Thread[] workers = new Thread[3];
        pool.run(
                (worker, from, to) -> {
                    workers[worker] = Thread.currentThread();
                    LockSupport.parkNanos(1_000_000);
                },
                64,
                1);
        pool.close();
        for (int worker = 1; worker < 3; worker++) {
            assertThat(workers[worker]).as("worker %s took a chunk", worker).isNotNull();
            assertThat(workers[worker].isAlive()).isFalse();
        }
        assertThatThrownBy(() -> pool.run((worker, from, to) -> {}, 1, 1)).isInstanceOf(IllegalStateException.class);
    }
}
