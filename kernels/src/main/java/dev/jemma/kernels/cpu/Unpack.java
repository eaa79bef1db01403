package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/** Weights and cached keys as floats: one row or part of a row at a time. */
final class Unpack {
    private static final int HIGH_HALF = 0xffff_0000;
    private static final int V = Lanes.BYTES;

    private Unpack() {}

    /** Halves in plain order. C2 makes vector conversions of this loop as long as source and target cannot overlap. */
    static void f16(float[] out, int at, long from, int count) {
        for (int i = 0; i < count; i++) {
            out[at + i] = Float.float16ToFloat(ALL.get(Memory.I16, from + 2L * i));
        }
    }

    /** As {@link #f16} to an address, by way of {@code halves}. */
    static void f16ToMemory(long out, long from, int count, float[] halves) {
        f16(halves, 0, from, count);
        MemorySegment.copy(halves, 0, ALL, Memory.F32, out, count);
    }

    /** BF16 in plain order. Not a plain loop: C2 (JDK 25) converts its shorts one by one. */
    static void bf16(float[] out, int at, long from, int count) {
        int whole = count - count % Lanes.COUNT;
        for (int i = 0; i < whole; i += Lanes.COUNT) {
            ((IntVector) ShortVector.fromMemorySegment(Lanes.S, ALL, from + 2L * i, LE)
                            .convertShape(VectorOperators.ZERO_EXTEND_S2I, Lanes.I, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .intoArray(out, at + i);
        }
        for (int i = whole; i < count; i++) {
            out[at + i] = Memory.bf16(from + 2L * i);
        }
    }

    /** F32 in plain order. */
    static void f32(float[] out, int at, long from, int count) {
        MemorySegment.copy(ALL, Memory.F32, from, out, at, count);
    }

    /** BF16 in word order; {@code from} at the start of a block. */
    static void bf16Words(long out, long from, int count) {
        int bytes = 2 * WordOrder.blocked(count, 2);
        for (int i = 0; i < bytes; i += V) {
            IntVector words = IntVector.fromMemorySegment(Lanes.I, ALL, from + i, LE);
            words.lanewise(VectorOperators.LSHL, 16).intoMemorySegment(ALL, out + 2L * i, LE);
            words.and(HIGH_HALF).intoMemorySegment(ALL, out + 2L * i + V, LE);
        }
        for (int i = bytes / 2; i < count; i++) {
            Memory.putF32(out + 4L * i, Memory.bf16(from + 2L * i));
        }
    }

    /**
     * Affine codes in word order; {@code from} at the start of a block.
     *
     * @param scales of the first group at {@code firstGroup}; {@code biases} alike
     */
    static void affineWords(
            long out, long from, int count, AffineShape shape, float[] scales, float[] biases, int firstGroup) {
        int perWord = shape.perWord();
        int blocks = count / WordOrder.block(perWord);
        VectorShuffle<Float> spread = shape.spread();
        for (int block = 0; block < blocks; block++) {
            long words = from + (long) block * V;
            long to = out + (long) block * perWord * V;
            int group = firstGroup + shape.groupOfBlock(block);
            if (perWord == 8) {
                fourBits(to, words, spread, scales, biases, group);
            } else {
                eightBits(to, words, spread, scales, biases, group);
            }
        }
        for (int i = blocks * WordOrder.block(perWord); i < count; i++) {
            int group = firstGroup + i / shape.groupSize();
            Memory.putF32(out + 4L * i, shape.code(from, i) * scales[group] + biases[group]);
        }
    }

    /** One vector of words of 4-bit codes. */
    private static void fourBits(
            long out, long from, VectorShuffle<Float> spread, float[] scales, float[] biases, int group) {
        IntVector words = IntVector.fromMemorySegment(Lanes.I, ALL, from, LE);
        FloatVector scale = FloatVector.fromArray(Lanes.F, scales, group).rearrange(spread);
        FloatVector bias = FloatVector.fromArray(Lanes.F, biases, group).rearrange(spread);
        ((FloatVector) words.and(15).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out, LE);
        ((FloatVector) words.lanewise(VectorOperators.LSHR, 4).and(15).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out + V, LE);
        ((FloatVector) words.lanewise(VectorOperators.LSHR, 8).and(15).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out + 2L * V, LE);
        ((FloatVector) words.lanewise(VectorOperators.LSHR, 12).and(15).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out + 3L * V, LE);
        ((FloatVector) words.lanewise(VectorOperators.LSHR, 16).and(15).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out + 4L * V, LE);
        ((FloatVector) words.lanewise(VectorOperators.LSHR, 20).and(15).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out + 5L * V, LE);
        ((FloatVector) words.lanewise(VectorOperators.LSHR, 24).and(15).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out + 6L * V, LE);
        ((FloatVector) words.lanewise(VectorOperators.LSHR, 28).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out + 7L * V, LE);
    }

    /** One vector of words of 8-bit codes. */
    private static void eightBits(
            long out, long from, VectorShuffle<Float> spread, float[] scales, float[] biases, int group) {
        IntVector words = IntVector.fromMemorySegment(Lanes.I, ALL, from, LE);
        FloatVector scale = FloatVector.fromArray(Lanes.F, scales, group).rearrange(spread);
        FloatVector bias = FloatVector.fromArray(Lanes.F, biases, group).rearrange(spread);
        ((FloatVector) words.and(255).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out, LE);
        ((FloatVector) words.lanewise(VectorOperators.LSHR, 8).and(255).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out + V, LE);
        ((FloatVector) words.lanewise(VectorOperators.LSHR, 16).and(255).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out + 2L * V, LE);
        ((FloatVector) words.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, Lanes.F, 0))
                .fma(scale, bias)
                .intoMemorySegment(ALL, out + 3L * V, LE);
    }

    /** BF16 in plain order. */
    static void bf16ToMemory(long out, long from, int count) {
        for (int i = 0; i < count; i++) {
            Memory.putF32(out + 4L * i, Memory.bf16(from + 2L * i));
        }
    }

    /** A row of affine codes in plain order; its scales start at 0. */
    static void affineToMemory(long out, long codes, int count, AffineShape shape, float[] scales, float[] biases) {
        for (int i = 0; i < count; i++) {
            int group = i / shape.groupSize();
            Memory.putF32(out + 4L * i, shape.code(codes, i) * scales[group] + biases[group]);
        }
    }
}
