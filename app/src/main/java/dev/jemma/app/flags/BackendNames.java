package dev.jemma.app.flags;

import dev.jemma.kernels.Backends;
import java.util.Iterator;
import java.util.stream.Stream;

/** What {@code --backend} takes, for shells to complete. */
final class BackendNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
        return Stream.concat(Stream.of("auto"), Backends.names().stream()).iterator();
    }
}
