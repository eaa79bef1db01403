package dev.jemma.kernels;

import java.util.Arrays;

/**
 * What changes from one forward pass to the next: the rows, each with its token, sequence slot and position, and which
 * of them want logits. Rows of one sequence are neighbours with rising positions (a <i>span</i>): one row for a decode,
 * several for a prefill chunk; a step may mix spans of many sequences. A slot has at most one span in a step. Which of
 * the two a span is matters to {@link KernelChoice#BATCH_INVARIANT} alone, as a chunk may have one row as well.
 *
 * <p>All memory is taken in the constructor, so that one instance serves every step of a session: {@link #clear},
 * then {@link #addSpan} or {@link #addDecode} for each sequence.
 */
public final class Step {
    private final RowTable all;
    private final RowTable output;
    private final int[] tokens;
    private final int[] outputRows;
    private final int[] decoded = new int[1];

    public Step(int maxRows, int maxOutputRows) {
        all = new RowTable(maxRows);
        output = new RowTable(maxOutputRows);
        tokens = new int[maxRows];
        outputRows = new int[maxOutputRows];
    }

    public void clear() {
        all.clear();
        output.clear();
    }

    /**
     * Adds tokens {@code [from, to)} of one sequence, the first at position {@code startPosition}.
     *
     * @param tokenIds ids; {@code -1 - i} stands for the id that the preceding step put into row i of the tensor given
     *     to {@link Commands#tokens}, so that a step can be encoded before the one before it has ended
     * @param outputs how many of the last rows of the span want logits
     */
    public void addSpan(int slot, int startPosition, int[] tokenIds, int from, int to, int outputs) {
        addSpan(slot, startPosition, tokenIds, from, to, outputs, false);
    }

    /** Adds the newest token of a text that is being generated, and wants its logits. */
    public void addDecode(int slot, int position, int tokenId) {
        decoded[0] = tokenId;
        addSpan(slot, position, decoded, 0, 1, 1, true);
    }

    private void addSpan(int slot, int startPosition, int[] tokenIds, int from, int to, int outputs, boolean isDecode) {
        int count = to - from;
        if (slot < 0 || startPosition < 0 || count <= 0 || outputs < 0 || outputs > count) {
            throw new IllegalArgumentException("step: slot " + slot + ", position " + startPosition + ", " + count
                    + " rows, " + outputs + " outputs");
        }
        if (all.hasSlot(slot)) {
            throw new IllegalArgumentException("step: slot " + slot + " has a span already");
        }
        if (all.count() + count > tokens.length || output.count() + outputs > outputRows.length) {
            throw new IllegalArgumentException("step: " + count + " rows more than the step can hold: " + all.count()
                    + " of " + tokens.length + " taken, outputs " + output.count() + " of " + outputRows.length);
        }
        int firstRow = all.count();
        System.arraycopy(tokenIds, from, tokens, firstRow, count);
        all.addSpan(slot, startPosition, count, isDecode);
        if (outputs > 0) {
            for (int i = 0; i < outputs; i++) {
                outputRows[output.count() + i] = firstRow + count - outputs + i;
            }
            output.addSpan(slot, startPosition + count - outputs, outputs, isDecode);
        }
    }

    /** Becomes a copy of {@code other}: for streams, which may not look at the caller's step after it was begun. */
    public void copyFrom(Step other) {
        if (other.count(RowSet.ALL) > tokens.length || other.count(RowSet.OUTPUT) > outputRows.length) {
            throw new IllegalArgumentException(
                    other + " does not fit in " + tokens.length + " rows, " + outputRows.length + " outputs");
        }
        all.copyFrom(other.all);
        output.copyFrom(other.output);
        System.arraycopy(other.tokens, 0, tokens, 0, all.count());
        System.arraycopy(other.outputRows, 0, outputRows, 0, output.count());
    }

    /** Slots, positions and spans of a row set. */
    public RowTable rows(RowSet set) {
        return set == RowSet.ALL ? all : output;
    }

    public int count(RowSet set) {
        return rows(set).count();
    }

    public int maxCount(RowSet set) {
        return rows(set).capacity();
    }

    /** Token of row {@code row} of {@link RowSet#ALL}; negative as described at {@link #addSpan}. */
    public int token(int row) {
        return tokens[row];
    }

    /** Row of {@link RowSet#ALL} that output row {@code i} is. */
    public int outputRow(int i) {
        return outputRows[i];
    }

    @Override
    public String toString() {
        return "Step[" + all + ", outputs " + Arrays.toString(Arrays.copyOf(outputRows, output.count())) + "]";
    }
}
