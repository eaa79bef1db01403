package dev.jemma.kernels.cpu;

import static dev.jemma.kernels.cpu.Memory.ALL;
import static dev.jemma.kernels.cpu.Memory.LE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * Inner loops of {@link AffineDots}: four rows of codes, {@code apart} bytes from each other, times one row of
 * activations; products go to {@code out} and on, {@code next} bytes apart. Scales and biases of the first row start at
 * {@code first}, those of the next at {@code scalesApart} behind.
 *
 * <p>Whatever a loop needs of its {@link AffineShape} is read before it: a division inside made C2 (JDK 25) spill every
 * vector of the loop, half of the speed. Nothing here may be shared by a method that takes or returns vectors, which C2
 * would box.
 */
final class AffineKernels {
    private static final int V = Lanes.BYTES;

    /** What {@link #fourBitsMerged} multiplies codes at even places with, and at odd places. */
    static final float EVEN_FACTOR = 0x1p8f;

    static final float ODD_FACTOR = 0x1p4f;

    private static final int ONE = 0x3f80_0000;
    private static final int EVEN = 0xf << 15;
    private static final int ODD = 0xf << 19;

    private AffineKernels() {}

    /**
     * 4-bit codes put into the fraction of a float: {@code (word shifted & mask) | 1.0f} is {@code 1 + code / 256} for a
     * code at an even place of its word and {@code 1 + code / 16} for the next, which shares the shift. With 512-bit
     * vectors that is half a shift and one three-way logic instruction a code, where masking and converting are two; others
     * have no such instruction. Activations are {@value #EVEN_FACTOR} and {@value #ODD_FACTOR} times as large, and each
     * block's sums start from minus what the ones add to them.
     *
     * <p>Error: the sums of a block are rounded while they are 2^8 / 4.6 = 56 times as large as the products of its codes
     * (which have a root mean square of 4.6 after the bias), and are small again at its end. Roundings of n codes add up as
     * a random walk, 56 sqrt(n) 2^-25 products, where the bound on an F32 dot product is of the order of sqrt(n) 2^-24 times
     * n products: less than that from 28 codes on.
     */
    static void fourBitsMerged(
            long out,
            long next,
            long x,
            long sums,
            long codes,
            long apart,
            AffineShape shape,
            float[] scales,
            float[] biases,
            int first,
            int scalesApart,
            int cols) {
        VectorShuffle<Float> spread = shape.spread();
        int blockShift = shape.blockShift();
        int groupShift = shape.groupShift();
        int groups = cols >>> groupShift;
        int blocks = cols >>> blockShift;
        long minusOnes = AffineDots.minusOnes(sums, groups);
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int block = 0; block < blocks; block++) {
            long from = codes + (long) block * V;
            IntVector w0 = IntVector.fromMemorySegment(Lanes.I, ALL, from, LE);
            IntVector w1 = IntVector.fromMemorySegment(Lanes.I, ALL, from + apart, LE);
            IntVector w2 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 2 * apart, LE);
            IntVector w3 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 3 * apart, LE);
            long at = x + 8L * V * block;
            FloatVector ones = FloatVector.fromMemorySegment(Lanes.F, ALL, minusOnes + (long) block * V, LE);
            IntVector u0 = w0.lanewise(VectorOperators.LSHL, 15);
            IntVector u1 = w1.lanewise(VectorOperators.LSHL, 15);
            IntVector u2 = w2.lanewise(VectorOperators.LSHL, 15);
            IntVector u3 = w3.lanewise(VectorOperators.LSHL, 15);
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE);
            FloatVector a0 = u0.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, ones);
            FloatVector a1 = u1.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, ones);
            FloatVector a2 = u2.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, ones);
            FloatVector a3 = u3.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, ones);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + V, LE);
            a0 = u0.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a0);
            a1 = u1.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a1);
            a2 = u2.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a2);
            a3 = u3.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a3);
            u0 = w0.lanewise(VectorOperators.LSHL, 7);
            u1 = w1.lanewise(VectorOperators.LSHL, 7);
            u2 = w2.lanewise(VectorOperators.LSHL, 7);
            u3 = w3.lanewise(VectorOperators.LSHL, 7);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 2L * V, LE);
            a0 = u0.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a0);
            a1 = u1.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a1);
            a2 = u2.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a2);
            a3 = u3.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 3L * V, LE);
            a0 = u0.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a0);
            a1 = u1.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a1);
            a2 = u2.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a2);
            a3 = u3.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a3);
            u0 = w0.lanewise(VectorOperators.LSHR, 1);
            u1 = w1.lanewise(VectorOperators.LSHR, 1);
            u2 = w2.lanewise(VectorOperators.LSHR, 1);
            u3 = w3.lanewise(VectorOperators.LSHR, 1);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 4L * V, LE);
            a0 = u0.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a0);
            a1 = u1.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a1);
            a2 = u2.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a2);
            a3 = u3.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 5L * V, LE);
            a0 = u0.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a0);
            a1 = u1.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a1);
            a2 = u2.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a2);
            a3 = u3.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a3);
            u0 = w0.lanewise(VectorOperators.LSHR, 9);
            u1 = w1.lanewise(VectorOperators.LSHR, 9);
            u2 = w2.lanewise(VectorOperators.LSHR, 9);
            u3 = w3.lanewise(VectorOperators.LSHR, 9);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 6L * V, LE);
            a0 = u0.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a0);
            a1 = u1.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a1);
            a2 = u2.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a2);
            a3 = u3.and(EVEN).or(ONE).reinterpretAsFloats().fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 7L * V, LE);
            a0 = u0.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a0);
            a1 = u1.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a1);
            a2 = u2.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a2);
            a3 = u3.and(ODD).or(ONE).reinterpretAsFloats().fma(y, a3);
            int group = first + (block << blockShift >>> groupShift);
            s0 = FloatVector.fromArray(Lanes.F, scales, group).rearrange(spread).fma(a0, s0);
            s1 = FloatVector.fromArray(Lanes.F, scales, group + scalesApart)
                    .rearrange(spread)
                    .fma(a1, s1);
            s2 = FloatVector.fromArray(Lanes.F, scales, group + 2 * scalesApart)
                    .rearrange(spread)
                    .fma(a2, s2);
            s3 = FloatVector.fromArray(Lanes.F, scales, group + 3 * scalesApart)
                    .rearrange(spread)
                    .fma(a3, s3);
        }
        for (int g = 0; g < groups; g += Lanes.COUNT) {
            int group = first + g;
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, sums + 4L * g, LE);
            s0 = FloatVector.fromArray(Lanes.F, biases, group).fma(y, s0);
            s1 = FloatVector.fromArray(Lanes.F, biases, group + scalesApart).fma(y, s1);
            s2 = FloatVector.fromArray(Lanes.F, biases, group + 2 * scalesApart).fma(y, s2);
            s3 = FloatVector.fromArray(Lanes.F, biases, group + 3 * scalesApart).fma(y, s3);
        }
        Memory.putF32(out, s0.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + next, s1.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + 2 * next, s2.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + 3 * next, s3.reduceLanes(VectorOperators.ADD));
    }

    static void fourBits(
            long out,
            long next,
            long x,
            long sums,
            long codes,
            long apart,
            AffineShape shape,
            float[] scales,
            float[] biases,
            int first,
            int scalesApart,
            int cols) {
        VectorShuffle<Float> spread = shape.spread();
        int blockShift = shape.blockShift();
        int groupShift = shape.groupShift();
        int groups = cols >>> groupShift;
        int blocks = cols / WordOrder.block(8);
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int block = 0; block < blocks; block++) {
            long from = codes + (long) block * V;
            IntVector w0 = IntVector.fromMemorySegment(Lanes.I, ALL, from, LE);
            IntVector w1 = IntVector.fromMemorySegment(Lanes.I, ALL, from + apart, LE);
            IntVector w2 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 2 * apart, LE);
            IntVector w3 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 3 * apart, LE);
            long at = x + 8L * V * block;
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE);
            FloatVector a0 = ((FloatVector) w0.and(0xf).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a1 = ((FloatVector) w1.and(0xf).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a2 = ((FloatVector) w2.and(0xf).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a3 = ((FloatVector) w3.and(0xf).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + V, LE);
            a0 = ((FloatVector) w0.and(0xf0).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf0).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf0).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf0).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 2L * V, LE);
            a0 = ((FloatVector) w0.and(0xf00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 3L * V, LE);
            a0 = ((FloatVector) w0.and(0xf000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 4L * V, LE);
            a0 = ((FloatVector) w0.and(0xf0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 5L * V, LE);
            a0 = ((FloatVector) w0.and(0xf00000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf00000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf00000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf00000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 6L * V, LE);
            a0 = ((FloatVector) w0.and(0xf000000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xf000000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xf000000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xf000000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 7L * V, LE);
            a0 = ((FloatVector) w0.lanewise(VectorOperators.LSHR, 28).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a0);
            a1 = ((FloatVector) w1.lanewise(VectorOperators.LSHR, 28).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a1);
            a2 = ((FloatVector) w2.lanewise(VectorOperators.LSHR, 28).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a2);
            a3 = ((FloatVector) w3.lanewise(VectorOperators.LSHR, 28).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a3);
            int group = first + (block << blockShift >>> groupShift);
            s0 = FloatVector.fromArray(Lanes.F, scales, group).rearrange(spread).fma(a0, s0);
            s1 = FloatVector.fromArray(Lanes.F, scales, group + scalesApart)
                    .rearrange(spread)
                    .fma(a1, s1);
            s2 = FloatVector.fromArray(Lanes.F, scales, group + 2 * scalesApart)
                    .rearrange(spread)
                    .fma(a2, s2);
            s3 = FloatVector.fromArray(Lanes.F, scales, group + 3 * scalesApart)
                    .rearrange(spread)
                    .fma(a3, s3);
        }
        for (int g = 0; g < groups; g += Lanes.COUNT) {
            int group = first + g;
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, sums + 4L * g, LE);
            s0 = FloatVector.fromArray(Lanes.F, biases, group).fma(y, s0);
            s1 = FloatVector.fromArray(Lanes.F, biases, group + scalesApart).fma(y, s1);
            s2 = FloatVector.fromArray(Lanes.F, biases, group + 2 * scalesApart).fma(y, s2);
            s3 = FloatVector.fromArray(Lanes.F, biases, group + 3 * scalesApart).fma(y, s3);
        }
        Memory.putF32(out, s0.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + next, s1.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + 2 * next, s2.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + 3 * next, s3.reduceLanes(VectorOperators.ADD));
    }

    static void eightBits(
            long out,
            long next,
            long x,
            long sums,
            long codes,
            long apart,
            AffineShape shape,
            float[] scales,
            float[] biases,
            int first,
            int scalesApart,
            int cols) {
        VectorShuffle<Float> spread = shape.spread();
        int blockShift = shape.blockShift();
        int groupShift = shape.groupShift();
        int groups = cols >>> groupShift;
        int blocks = cols / WordOrder.block(4);
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int block = 0; block < blocks; block++) {
            long from = codes + (long) block * V;
            IntVector w0 = IntVector.fromMemorySegment(Lanes.I, ALL, from, LE);
            IntVector w1 = IntVector.fromMemorySegment(Lanes.I, ALL, from + apart, LE);
            IntVector w2 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 2 * apart, LE);
            IntVector w3 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 3 * apart, LE);
            long at = x + 4L * V * block;
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE);
            FloatVector a0 = ((FloatVector) w0.and(0xff).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a1 = ((FloatVector) w1.and(0xff).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a2 = ((FloatVector) w2.and(0xff).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            FloatVector a3 = ((FloatVector) w3.and(0xff).convertShape(VectorOperators.I2F, Lanes.F, 0)).mul(y);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + V, LE);
            a0 = ((FloatVector) w0.and(0xff00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xff00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xff00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xff00).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 2L * V, LE);
            a0 = ((FloatVector) w0.and(0xff0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a0);
            a1 = ((FloatVector) w1.and(0xff0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a1);
            a2 = ((FloatVector) w2.and(0xff0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a2);
            a3 = ((FloatVector) w3.and(0xff0000).convertShape(VectorOperators.I2F, Lanes.F, 0)).fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 3L * V, LE);
            a0 = ((FloatVector) w0.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a0);
            a1 = ((FloatVector) w1.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a1);
            a2 = ((FloatVector) w2.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a2);
            a3 = ((FloatVector) w3.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, Lanes.F, 0))
                    .fma(y, a3);
            int group = first + (block << blockShift >>> groupShift);
            s0 = FloatVector.fromArray(Lanes.F, scales, group).rearrange(spread).fma(a0, s0);
            s1 = FloatVector.fromArray(Lanes.F, scales, group + scalesApart)
                    .rearrange(spread)
                    .fma(a1, s1);
            s2 = FloatVector.fromArray(Lanes.F, scales, group + 2 * scalesApart)
                    .rearrange(spread)
                    .fma(a2, s2);
            s3 = FloatVector.fromArray(Lanes.F, scales, group + 3 * scalesApart)
                    .rearrange(spread)
                    .fma(a3, s3);
        }
        for (int g = 0; g < groups; g += Lanes.COUNT) {
            int group = first + g;
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, sums + 4L * g, LE);
            s0 = FloatVector.fromArray(Lanes.F, biases, group).fma(y, s0);
            s1 = FloatVector.fromArray(Lanes.F, biases, group + scalesApart).fma(y, s1);
            s2 = FloatVector.fromArray(Lanes.F, biases, group + 2 * scalesApart).fma(y, s2);
            s3 = FloatVector.fromArray(Lanes.F, biases, group + 3 * scalesApart).fma(y, s3);
        }
        Memory.putF32(out, s0.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + next, s1.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + 2 * next, s2.reduceLanes(VectorOperators.ADD));
        Memory.putF32(out + 3 * next, s3.reduceLanes(VectorOperators.ADD));
    }
}
