package dev.jemma.engine;

import java.util.Arrays;

/** A growing list of token ids. */
public final class TokenIds {
    private int[] ids;
    private int size;

    private TokenIds(int[] ids) {
        this.ids = ids;
        this.size = ids.length;
    }

    public static TokenIds of(int... ids) {
        return new TokenIds(ids.clone());
    }

    public int size() {
        return size;
    }

    public int at(int index) {
        if (index >= size) {
            throw new IndexOutOfBoundsException("token " + index + " of " + size);
        }
        return ids[index];
    }

    public void add(int id) {
        if (size == ids.length) {
            ids = Arrays.copyOf(ids, Math.max(16, 2 * size));
        }
        ids[size++] = id;
    }

    void replaceLast(int id) {
        ids[size - 1] = id;
    }

    /** Adds {@code [from, to)} of {@code other}. */
    public void addAll(TokenIds other, int from, int to) {
        for (int i = from; i < to; i++) {
            add(other.at(i));
        }
    }

    /** Drops all but the first {@code newSize}. */
    public void truncate(int newSize) {
        if (newSize < 0 || newSize > size) {
            throw new IllegalArgumentException("expected 0 to " + size + " tokens, got " + newSize);
        }
        size = newSize;
    }

    /** How many ids both begin with. */
    public int commonPrefix(TokenIds other) {
        int mismatch = Arrays.mismatch(ids, 0, size, other.ids, 0, other.size);
        return mismatch < 0 ? size : mismatch;
    }

    public int[] toArray() {
        return Arrays.copyOf(ids, size);
    }

    @Override
    public String toString() {
        return Arrays.toString(toArray());
    }
}
