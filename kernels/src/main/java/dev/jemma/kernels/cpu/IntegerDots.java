package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DeviceException;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.cpu.IntegerDotCode.Argument;
import dev.jemma.kernels.host.Processor;
import dev.jemma.kernels.x86.MachineCode;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Dot products of affine rows with activations as whole numbers, a factor for each group, where the processor has dot
 * products of bytes (AVX-512 VNNI): a half to two thirds of the instructions that products in F32 take, so that codes come
 * at the memory's speed. The machine code for it is {@link IntegerDotCode}, as the Vector API has no such operation.
 *
 * <p>The sums of a block's codes are exact. Rounding moves an activation by up to 2^-16 of the largest in its group if it
 * gets two digits, by 2^-23 if three: those are as exact as F32.
 */
final class IntegerDots {
    private static final String[] FEATURES = {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"};

    private static final IntegerDots ROUNDED = new IntegerDots(2);
    private static final IntegerDots EXACT = new IntegerDots(3);

    private final int digits;
    private final Map<AffineShape, Map<DType, Kernel>> kernels = new ConcurrentHashMap<>();

    /**
     * @param code a function of an address of {@link Argument}s
     * @param spread for {@link Argument#SPREAD}
     */
    private record Kernel(MemorySegment code, long spread) {}

    /** Why not, or the empty string. */
    private static final class Once {
        static final String OBSTACLE = examine();
    }

    private IntegerDots(int digits) {
        this.digits = digits;
    }

    /**
     * What a stream should use; null where there is no such thing.
     *
     * @param mayRound whether two digits are enough
     */
    static @Nullable IntegerDots of(boolean mayRound) {
        if (!available()) {
            return null;
        }
        return mayRound ? ROUNDED : EXACT;
    }

    /** Whether this processor and system have what it takes. */
    static boolean available() {
        return obstacle().isEmpty();
    }

    /** What is missing; empty if nothing is. */
    static String obstacle() {
        return Once.OBSTACLE;
    }

    private static String examine() {
        if (!Processor.here().has(FEATURES)) {
            return "no AVX-512 VNNI";
        }
        if (Lanes.BYTES != 64) {
            return "vectors of " + Lanes.F.vectorBitSize() + " bits were asked for";
        }
        try {
            ROUNDED.kernel(AffineShape.FOUR_64, DType.BF16);
            return "";
        } catch (DeviceException.Unavailable refused) {
            return String.valueOf(refused.getMessage());
        }
    }

    /** Whether products with such a weight can be computed so. */
    boolean takes(Weight w) {
        return w instanceof AffineWeight && w.cols() % IntegerDotCode.BLOCK == 0;
    }

    private Kernel kernel(AffineShape shape, DType scaleType) {
        Map<DType, Kernel> ofShape = kernels.computeIfAbsent(shape, any -> new ConcurrentHashMap<>());
        Kernel kernel = ofShape.get(scaleType);
        if (kernel == null) {
            byte[] code = IntegerDotCode.of(digits, shape.bits(), shape.groupSize(), scaleType);
            kernel = new Kernel(MachineCode.function(code), spread(shape, scaleType));
            ofShape.put(scaleType, kernel);
        }
        return kernel;
    }

    /** For each lane of a block's vectors, which of the block's scales it wants; BF16 ones in the high half of the lane. */
    private static long spread(AffineShape shape, DType scaleType) {
        int lanes = IntegerDotCode.BLOCK * shape.bits() / 32;
        int lanesPerGroup = shape.groupSize() * shape.bits() / 32;
        MemorySegment table = Arena.global().allocate(4L * lanes, Lanes.BYTES);
        for (int lane = 0; lane < lanes; lane++) {
            int group = lane / lanesPerGroup;
            switch (scaleType) {
                case BF16 -> table.setAtIndex(ValueLayout.JAVA_SHORT, 2L * lane + 1, (short) group);
                case F16 -> {
                    int vector = lane / Lanes.COUNT;
                    table.setAtIndex(
                            ValueLayout.JAVA_SHORT, 2L * Lanes.COUNT * vector + lane % Lanes.COUNT, (short) group);
                }
                case F32, I32 -> table.setAtIndex(ValueLayout.JAVA_INT, lane, group);
            }
        }
        return table.address();
    }

    /** Rounds one row of activations for {@link #rows} with such a weight. */
    void round(Dots.Inputs to, long x, Weight w) {
        AffineWeight affine = (AffineWeight) w;
        AffineShape shape = AffineShape.of(affine.bits(), affine.groupSize());
        IntegerActivations.round(to.x(), to.sums(), x, w.cols(), shape, digits);
    }

    /** {@code out[t, r] = w[firstRow + r] . x[t]} for {@code rows} weight rows and {@code tokens} rows of activations. */
    void rows(
            long out,
            long outStride,
            Dots.Inputs in,
            int tokens,
            Weight weight,
            int firstRow,
            int rows,
            Scratch.Worker own) {
        AffineWeight w = (AffineWeight) weight;
        Kernel kernel = kernel(AffineShape.of(w.bits(), w.groupSize()), w.scaleType());
        long to = own.arguments;
        int scaleBytes = w.scaleType().byteSize();
        int groups = w.groupsPerRow();
        int whole = groups - groups % Lanes.COUNT;
        put(to, Argument.CODE_ROW, w.codeRowBytes());
        put(to, Argument.SCALE_ROW, (long) scaleBytes * groups);
        put(to, Argument.SPREAD, kernel.spread);
        put(to, Argument.WHOLE_BIASES, (long) scaleBytes * whole);
        put(to, Argument.LAST_BIASES, (1L << (groups - whole)) - 1);
        for (int token = 0; token < tokens; token++) {
            long x = in.x() + token * in.xStride();
            put(to, Argument.PLANES, x);
            put(to, Argument.FACTORS, IntegerActivations.factors(x, w.cols()));
            put(to, Argument.SUMS, in.sums() + token * in.sumsStride());
            rows(out + token * outStride, kernel, w, firstRow, rows, to);
        }
    }

    private static void rows(long out, Kernel kernel, AffineWeight w, int firstRow, int rows, long to) {
        int row = 0;
        while (rows - row >= 4) {
            int quarter = Streams.quarter(rows - row, w.codeRowBytes());
            quarters(out + 4L * row, kernel, w, firstRow + row, quarter, quarter, to);
            row += 4 * quarter;
        }
        // The last few each as four times the same row.
        for (; row < rows; row++) {
            quarters(out + 4L * row, kernel, w, firstRow + row, 1, 0, to);
        }
    }

    /** {@code count} times four rows that are {@code apart} rows from each other. */
    private static void quarters(long out, Kernel kernel, AffineWeight w, int firstRow, int count, int apart, long to) {
        long codeRow = w.codeRowBytes();
        long scaleRow = w.scaleType().byteSize() * (long) w.groupsPerRow();
        put(to, Argument.CODES, Memory.address(w.codes()) + firstRow * codeRow);
        put(to, Argument.CODES_APART, apart * codeRow);
        put(to, Argument.SCALES, Memory.address(w.scales()) + firstRow * scaleRow);
        put(to, Argument.BIASES, Memory.address(w.biases()) + firstRow * scaleRow);
        put(to, Argument.SCALES_APART, apart * scaleRow);
        put(to, Argument.OUT, out);
        put(to, Argument.OUT_APART, 4L * apart);
        put(to, Argument.COUNT, count);
        put(to, Argument.ROW, Streams.row(0, count));
        put(to, Argument.NEXT_ROW, Streams.row(1, count));
        put(to, Argument.ROW_STEP, (long) Streams.row(2, count) - Streams.row(0, count));
        MachineCode.call(kernel.code, to);
    }

    private static void put(long arguments, Argument argument, long value) {
        ALL.set(ValueLayout.JAVA_LONG, arguments + argument.offset(), value);
    }
}
