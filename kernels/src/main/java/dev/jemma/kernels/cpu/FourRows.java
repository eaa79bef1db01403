package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;

import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.cpu.FourRowsCode.Argument;
import dev.jemma.kernels.host.Processor;
import dev.jemma.kernels.x86.Assembler;
import dev.jemma.kernels.x86.MachineCode;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Calls functions of {@link FourRowsCode} for ranges of rows, of which the four quarters of {@link Streams} are read at once.
 * Half quarters in turn, as there, cost a tenth to a quarter of the speed where lines are asked for {@link Ahead}.
 */
final class FourRows {
    private static final String[] FEATURES = {"avx512f", "avx512bw", "avx512dq", "avx512vl"};

    /** What keeps the system from running machine code, or the empty string. */
    private static final class Once {
        static final String OBSTACLE = examine();

        private static String examine() {
            try {
                Assembler nothing = new Assembler();
                nothing.ret();
                MachineCode.function(nothing.code());
                return "";
            } catch (DeviceException.Unavailable refused) {
                return String.valueOf(refused.getMessage());
            }
        }
    }

    private FourRows() {}

    /** What is missing here for functions that need AVX-512 and more of it; empty if nothing is. */
    static String obstacle(String... more) {
        Processor processor = Processor.here();
        if (!processor.has(FEATURES)) {
            return "no AVX-512";
        }
        if (!processor.has(more)) {
            return "no " + String.join(", ", more);
        }
        if (Lanes.BYTES != 64) {
            return "vectors of " + Lanes.F.vectorBitSize() + " bits were asked for";
        }
        return Once.OBSTACLE;
    }

    static void put(long arguments, CodeArgument argument, long value) {
        ALL.set(ValueLayout.JAVA_LONG, arguments + argument.offset(), value);
    }

    private static long get(long arguments, Argument argument) {
        return ALL.get(ValueLayout.JAVA_LONG, arguments + argument.offset());
    }

    /**
     * Multiplies {@code rows} rows from {@code firstRow} on. Of the arguments, all but those that depend on the row are set.
     *
     * @param out of the first row and the first token
     */
    static void run(MemorySegment function, long arguments, long out, int firstRow, int rows) {
        long rowBytes = get(arguments, Argument.WEIGHT_ROW);
        long outRow = get(arguments, Argument.OUT_ROW);
        int row = 0;
        while (rows - row >= 4) {
            int quarter = Streams.quarter(rows - row, rowBytes);
            quarters(function, arguments, out + outRow * row, firstRow + row, quarter, quarter);
            row += 4 * quarter;
        }
        // The last few each as four times the same row.
        for (; row < rows; row++) {
            quarters(function, arguments, out + outRow * row, firstRow + row, 1, 0);
        }
    }

    /** {@code count} times four rows that are {@code apart} rows from each other. */
    private static void quarters(MemorySegment function, long to, long out, int firstRow, int count, int apart) {
        long weightRow = get(to, Argument.WEIGHT_ROW);
        long scaleRow = get(to, Argument.SCALE_ROW);
        put(to, Argument.WEIGHTS, get(to, Argument.FIRST_WEIGHTS) + firstRow * weightRow);
        put(to, Argument.WEIGHTS_APART, apart * weightRow);
        put(to, Argument.SCALES, get(to, Argument.FIRST_SCALES) + firstRow * scaleRow);
        put(to, Argument.BIASES, get(to, Argument.FIRST_BIASES) + firstRow * scaleRow);
        put(to, Argument.SCALES_APART, apart * scaleRow);
        put(to, Argument.OUT, out);
        put(to, Argument.OUT_APART, apart * get(to, Argument.OUT_ROW));
        put(to, Argument.COUNT, count);
        put(to, Argument.ROW, 0);
        MachineCode.call(function, to);
    }
}
