package dev.jemma.kernels.gpu;

import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.StepLimits;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What kernels read of a step, in one block of I32 arrays at fixed places: tokens, output rows, and for each row set
 * positions, slots, and how attention divides the rows. Spans of at least {@link #TILED_SPAN} rows are cut into tiles of
 * 64, 16 and 8 rows for the tiled kernels (which of them is the kernel's choice); the other rows are listed singly.
 */
final class StepInputs {
    /** Rows of one sequence from which on a tile pays: below, most of its 16 rows would be empty. */
    static final int TILED_SPAN = 8;

    private final boolean rowInvariant;
    private final MemorySegment block;
    private final long outputRows;
    private final Table all;
    private final Table output;

    /** @param choice batch-invariant: decodes are single rows, all rows of prompts go through tiles, however few */
    StepInputs(Arena arena, StepLimits limits, KernelChoice choice) {
        rowInvariant = choice == KernelChoice.BATCH_INVARIANT;
        outputRows = 4L * limits.maxRows();
        all = new Table(outputRows + 4L * limits.maxOutputRows(), limits.maxRows());
        output = new Table(all.end(), limits.maxOutputRows());
        block = arena.allocate(output.end(), 16);
    }

    /** Byte offsets of one row set's arrays, and how many entries their lists have in this step. */
    final class Table {
        private final long start;
        private final int capacity;
        private int singleRows;
        private int tiles16;
        private int tiles8;
        private int tiles64;

        Table(long start, int capacity) {
            this.start = start;
            this.capacity = capacity;
        }

        long positions() {
            return start;
        }

        long slots() {
            return start + 4L * capacity;
        }

        /** All rows in order: 0, 1, 2... */
        long everyRow() {
            return start + 8L * capacity;
        }

        /** Rows that no tile takes. */
        long singleRows() {
            return start + 12L * capacity;
        }

        /** Pairs (first row, rows) of tiles of up to 16 rows. */
        long tiles16() {
            return start + 16L * capacity;
        }

        /** Pairs (first row, rows) of tiles of up to 8 rows. A tile has at least one row, so capacity pairs suffice. */
        long tiles8() {
            return start + 24L * capacity;
        }

        /** Pairs (first row, rows) of tiles of up to 64 rows. */
        long tiles64() {
            return start + 32L * capacity;
        }

        long end() {
            return start + 40L * capacity;
        }

        int numSingleRows() {
            return singleRows;
        }

        int numTiles16() {
            return tiles16;
        }

        int numTiles8() {
            return tiles8;
        }

        int numTiles64() {
            return tiles64;
        }

        private void fill(RowTable rows) {
            for (int row = 0; row < rows.count(); row++) {
                set(positions(), row, rows.position(row));
                set(slots(), row, rows.slot(row));
                set(everyRow(), row, row);
            }
            singleRows = 0;
            tiles16 = 0;
            tiles8 = 0;
            tiles64 = 0;
            for (int span = 0; span < rows.numSpans(); span++) {
                int first = rows.spanStart(span);
                int length = rows.spanLength(span);
                if (rowInvariant ? rows.isDecode(span) : length < TILED_SPAN) {
                    for (int row = first; row < first + length; row++) {
                        set(singleRows(), singleRows++, row);
                    }
                } else {
                    tiles16 = cut(first, length, 16, tiles16(), tiles16);
                    tiles8 = cut(first, length, 8, tiles8(), tiles8);
                    tiles64 = cut(first, length, 64, tiles64(), tiles64);
                }
            }
        }

        private int cut(int first, int length, int tileRows, long at, int tiles) {
            int count = tiles;
            for (int done = 0; done < length; done += tileRows) {
                set(at, 2 * count, first + done);
                set(at, 2 * count + 1, Math.min(tileRows, length - done));
                count++;
            }
            return count;
        }
    }

    /** Writes the step's values and returns the block. */
    MemorySegment fill(Step step) {
        for (int row = 0; row < step.count(RowSet.ALL); row++) {
            set(tokens(), row, step.token(row));
        }
        for (int i = 0; i < step.count(RowSet.OUTPUT); i++) {
            set(outputRows, i, step.outputRow(i));
        }
        all.fill(step.rows(RowSet.ALL));
        output.fill(step.rows(RowSet.OUTPUT));
        return block;
    }

    private void set(long at, int index, int value) {
        block.set(ValueLayout.JAVA_INT, at + 4L * index, value);
    }

    long tokens() {
        return 0;
    }

    /** Row of {@link RowSet#ALL} of each output row. */
    long outputRows() {
        return outputRows;
    }

    Table table(RowSet set) {
        return set == RowSet.ALL ? all : output;
    }
}
