package dev.jemma.kernels;

/** Slot and position of every row of a row set, and its division into spans. Filled by {@link Step}. */
public final class RowTable {
    private final int[] slots;
    private final int[] positions;
    private final int[] spanStarts;
    private final boolean[] decodes;
    private int count;
    private int numSpans;

    RowTable(int capacity) {
        slots = new int[capacity];
        positions = new int[capacity];
        spanStarts = new int[capacity + 1];
        decodes = new boolean[capacity];
    }

    void clear() {
        count = 0;
        numSpans = 0;
    }

    void addSpan(int slot, int startPosition, int rows, boolean isDecode) {
        for (int i = 0; i < rows; i++) {
            slots[count + i] = slot;
            positions[count + i] = startPosition + i;
        }
        count += rows;
        decodes[numSpans] = isDecode;
        spanStarts[++numSpans] = count;
    }

    void copyFrom(RowTable other) {
        count = other.count;
        numSpans = other.numSpans;
        System.arraycopy(other.slots, 0, slots, 0, count);
        System.arraycopy(other.positions, 0, positions, 0, count);
        System.arraycopy(other.spanStarts, 0, spanStarts, 0, numSpans + 1);
        System.arraycopy(other.decodes, 0, decodes, 0, numSpans);
    }

    boolean hasSlot(int slot) {
        for (int span = 0; span < numSpans; span++) {
            if (slots[spanStarts[span]] == slot) {
                return true;
            }
        }
        return false;
    }

    int capacity() {
        return slots.length;
    }

    public int count() {
        return count;
    }

    public int slot(int row) {
        return slots[row];
    }

    public int position(int row) {
        return positions[row];
    }

    /** Runs of rows of one sequence with rising positions. */
    public int numSpans() {
        return numSpans;
    }

    public int spanStart(int span) {
        return spanStarts[span];
    }

    public int spanLength(int span) {
        return spanStarts[span + 1] - spanStarts[span];
    }

    /** Whether a span is the newest token of a text, rather than a part of a prompt. */
    public boolean isDecode(int span) {
        return decodes[span];
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (int span = 0; span < numSpans; span++) {
            int first = spanStarts[span];
            text.append(span == 0 ? "" : ", ").append("slot ").append(slots[first]);
            text.append(" positions ").append(positions[first]).append(" to ");
            text.append(positions[spanStarts[span + 1] - 1]);
        }
        return text.toString();
    }
}
