package dev.jemma.kernels.cpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.Weight;
import dev.jemma.kernels.cpu.FourRowsCode.Argument;
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
final class IntegerDots implements GroupedDots {
    /**
     * By how much of themselves activations of two digits are rounded: 2^-16 of the largest of a group, which is about 2.5
     * times the root mean square of its 64, and 1 / sqrt(3) of that on average.
     */
    static final double ROUNDING = 0x1p-15;

    private static final IntegerDots ROUNDED = new IntegerDots(2);
    private static final IntegerDots EXACT = new IntegerDots(3);

    private final int digits;
    private final Map<AffineShape, Map<DType, Kernel[]>> kernels = new ConcurrentHashMap<>();

    /**
     * @param code a function of an address of {@link Argument}s
     * @param spread for {@link Argument#SPREAD}
     */
    private record Kernel(MemorySegment code, long spread) {}

    /** Why not, or the empty string. */
    private static final class Once {
        static final String OBSTACLE = FourRows.obstacle("avx512_vnni");
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

    @Override
    public boolean takes(Weight w) {
        return w instanceof AffineWeight && w.cols() % IntegerDotCode.BLOCK == 0;
    }

    private Kernel kernel(AffineShape shape, DType scaleType, int tokens) {
        Map<DType, Kernel[]> ofShape = kernels.computeIfAbsent(shape, any -> new ConcurrentHashMap<>());
        Kernel[] kernels = ofShape.get(scaleType);
        if (kernels == null) {
            kernels = new Kernel[FourRowsCode.MAX_TOKENS];
            for (int i = 0; i < kernels.length; i++) {
                byte[] code = IntegerDotCode.of(i + 1, digits, shape, scaleType);
                kernels[i] = new Kernel(MachineCode.function(code), spread(shape, scaleType));
            }
            ofShape.put(scaleType, kernels);
        }
        return kernels[tokens - 1];
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

    @Override
    public void arrange(TokenGroups to, int token, int tokens, long x, Weight w, Scratch.Worker own) {
        AffineWeight affine = (AffineWeight) w;
        AffineShape shape = AffineShape.of(affine.bits(), affine.groupSize());
        int unit = IntegerActivations.unit(digits, affine.bits());
        int size = TokenGroups.size(token, tokens);
        long sumsBytes = IntegerActivations.sumsBytes(affine.groupsPerRow());
        int in = token % FourRowsCode.MAX_TOKENS;
        int first = token - in;
        long at = to.x() + first * tokenBytes(affine) + (long) in * unit;
        long sums = to.sums() + first * sumsBytes + (long) in * Lanes.BYTES;
        IntegerActivations.round(at, size * unit, sums, size * Lanes.BYTES, x, w.cols(), shape, digits, own.numbers);
    }

    private long tokenBytes(AffineWeight w) {
        return w.codeRowBytes() / 64 * IntegerActivations.unit(digits, w.bits());
    }

    @Override
    public void rows(
            long out,
            long outStride,
            TokenGroups in,
            int tokens,
            Weight weight,
            int firstRow,
            int rows,
            Scratch.Worker own) {
        AffineWeight w = (AffineWeight) weight;
        long to = own.arguments;
        int scaleBytes = w.scaleType().byteSize();
        int groups = w.groupsPerRow();
        int whole = groups - groups % Lanes.COUNT;
        FourRows.put(to, Argument.OUT_TOKEN, outStride);
        FourRows.put(to, Argument.OUT_ROW, 4);
        FourRows.put(to, Argument.WHOLE_BIASES, (long) scaleBytes * whole);
        FourRows.put(to, Argument.LAST_BIASES, (1L << (groups - whole)) - 1);
        FourRows.put(to, Argument.FIRST_WEIGHTS, Memory.address(w.codes()));
        FourRows.put(to, Argument.WEIGHT_ROW, w.codeRowBytes());
        FourRows.put(to, Argument.FIRST_SCALES, Memory.address(w.scales()));
        FourRows.put(to, Argument.FIRST_BIASES, Memory.address(w.biases()));
        FourRows.put(to, Argument.SCALE_ROW, (long) scaleBytes * groups);
        AffineShape shape = AffineShape.of(w.bits(), w.groupSize());
        long sumsBytes = IntegerActivations.sumsBytes(groups);
        for (int token = 0; token < tokens; ) {
            int size = TokenGroups.size(token, tokens);
            int count = TokenGroups.count(token, tokens);
            Kernel kernel = kernel(shape, w.scaleType(), size);
            FourRows.put(to, Argument.SPREAD, kernel.spread);
            FourRows.put(to, Argument.GROUPS, count);
            FourRows.put(to, Argument.X, in.x() + token * tokenBytes(w));
            FourRows.put(to, Argument.X_GROUP, size * tokenBytes(w));
            FourRows.put(to, Argument.SUMS, in.sums() + token * sumsBytes);
            FourRows.put(to, Argument.SUMS_GROUP, size * sumsBytes);
            FourRows.run(kernel.code, to, out + token * outStride, firstRow, rows);
            token += count * size;
        }
    }
}
