package dev.jemma.kernels.bench;

import java.util.List;

/** Things that take turns, so that none is found in a cache when its turn comes again. */
final class Turns<T> {
    private final List<T> items;
    private int next;

    Turns(List<T> items) {
        this.items = List.copyOf(items);
    }

    T next() {
        next = next + 1 < items.size() ? next + 1 : 0;
        return items.get(next);
    }
}
