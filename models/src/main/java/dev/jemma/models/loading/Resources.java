package dev.jemma.models.loading;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** Things to release, last taken first, all of them whatever fails. */
public final class Resources implements AutoCloseable {
    private final Deque<Runnable> releases = new ArrayDeque<>();

    public void add(Runnable release) {
        releases.push(release);
    }

    @Override
    public void close() {
        RuntimeException failure = null;
        while (!releases.isEmpty()) {
            failure = release(releases.pop(), failure);
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static @Nullable RuntimeException release(Runnable release, @Nullable RuntimeException earlier) {
        try {
            release.run();
            return earlier;
        } catch (RuntimeException failure) {
            if (earlier == null) {
                return failure;
            }
            earlier.addSuppressed(failure);
            return earlier;
        }
    }
}
