package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import dev.jemma.kernels.AffineWeight;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * Rows of affine weights as BF16, rounded to the nearest, ties to even. Two neighbours of a row stay a pair; the pairs of a
 * vector of words are taken apart without shuffles and lie in {@link WordOrder} of half as many elements a word.
 */
final class Bf16Panels {
    static final int HIGH_HALF = 0xffff_0000;

    /** Added to a float with the last bit that BF16 keeps, it rounds to the nearest, and halves to the even one. */
    static final int BELOW_HALF = 0x7fff;

    private static final int V = Lanes.BYTES;

    private Bf16Panels() {}

    /** Address of {@code count} rows from {@code firstRow} on, {@code [count, cols]}. */
    static long dequantize(AffineWeight w, int firstRow, int count, Scratch.Worker own) {
        int cols = w.cols();
        int groups = w.groupsPerRow();
        AffineShape shape = AffineShape.of(w.bits(), w.groupSize());
        int rowsAtOnce = Math.max(1, Scratch.SCALES / groups);
        for (int done = 0; done < count; done += rowsAtOnce) {
            int n = Math.min(rowsAtOnce, count - done);
            Dots.unpackScales(w, firstRow + done, n, 0, groups, own);
            for (int i = 0; i < n; i++) {
                long to = own.denseWeights + 2L * (done + i) * cols;
                long codes = Memory.address(w.codes()) + (firstRow + done + i) * w.codeRowBytes();
                row(to, codes, cols, shape, own.scales, own.biases, i * groups);
            }
        }
        return own.denseWeights;
    }

    private static void row(
            long out, long codes, int cols, AffineShape shape, float[] scales, float[] biases, int firstGroup) {
        int perWord = shape.perWord();
        int blocks = cols / WordOrder.block(perWord);
        blocks(out, codes, blocks, shape, scales, biases, firstGroup);
        for (int i = blocks * WordOrder.block(perWord); i < cols; i++) {
            int group = firstGroup + i / shape.groupSize();
            int bits = Float.floatToRawIntBits(Math.fma(shape.code(codes, i), scales[group], biases[group]));
            ALL.set(Memory.I16, out + 2L * i, (short) ((bits + BELOW_HALF + ((bits >>> 16) & 1)) >>> 16));
        }
    }

    private static void blocks(
            long out, long codes, int blocks, AffineShape shape, float[] scales, float[] biases, int firstGroup) {
        VectorShuffle<Float> spread = shape.spread();
        int bits = shape.bits();
        int code = (1 << bits) - 1;
        int pairs = shape.perWord() / 2;
        int blockShift = shape.blockShift();
        int groupShift = shape.groupShift();
        int next = Lanes.one();
        for (int block = 0; block < blocks; block += next) {
            int group = firstGroup + (block << blockShift >>> groupShift);
            FloatVector scale = FloatVector.fromArray(Lanes.F, scales, group).rearrange(spread);
            FloatVector bias = FloatVector.fromArray(Lanes.F, biases, group).rearrange(spread);
            IntVector words = IntVector.fromMemorySegment(Lanes.I, ALL, codes + (long) block * V, LE);
            for (int pair = 0; pair < pairs; pair += next) {
                IntVector low = ((FloatVector) words.and(code).convertShape(VectorOperators.I2F, Lanes.F, 0))
                        .fma(scale, bias)
                        .reinterpretAsInts();
                IntVector high = ((FloatVector) words.lanewise(VectorOperators.LSHR, bits)
                                .and(code)
                                .convertShape(VectorOperators.I2F, Lanes.F, 0))
                        .fma(scale, bias)
                        .reinterpretAsInts();
                low = low.add(low.lanewise(VectorOperators.LSHR, 16).and(1)).add(BELOW_HALF);
                high = high.add(high.lanewise(VectorOperators.LSHR, 16).and(1)).add(BELOW_HALF);
                low.lanewise(VectorOperators.LSHR, 16)
                        .or(high.and(HIGH_HALF))
                        .intoMemorySegment(ALL, out + ((long) pairs * block + pair) * V, LE);
                words = words.lanewise(VectorOperators.LSHR, 2 * bits);
            }
        }
    }
}
