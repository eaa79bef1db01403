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

    private static final int ONE = 0x3f80_0000;
    private static final int EVEN = 0xf << 15;
    private static final int ODD = 0xf << 19;

    /**
     * Vectors of {@code EVEN | ODD}, {@code EVEN | ONE} and {@code ONE} for {@link #fourBitsMerged}, in memory: numbers that
     * C2 knows it broadcasts again at every use, sixteen loads more a block (Zen 4: from L2 9.3 instead of 11.1 GB/s).
     */
    private static final int[] MASKS = masks(EVEN | ODD, EVEN | ONE, ONE);

    private AffineKernels() {}

    private static int[] masks(int... values) {
        int[] masks = new int[values.length * Lanes.COUNT];
        for (int i = 0; i < masks.length; i++) {
            masks[i] = values[i / Lanes.COUNT];
        }
        return masks;
    }

    /**
     * 4-bit codes put into the fraction of a float, two at a time: {@code (word shifted & mask) | 1.0f} is {@code pair = 1 +
     * odd / 16 + even / 256} for the codes at an odd place of its word and at the even one before it, and one more mask makes
     * {@code single = 1 + even / 256} of it. With activations x of both places, {@code odd x1 + even x0 = 16 x1 pair +
     * (256 x0 - 16 x1) single - 256 x0}: {@link AffineDots#prepare} makes the two factors, and each block's sums start from
     * minus what the ones add to them. With 512-bit vectors that is a shift, a three-way logic instruction and a mask for two
     * codes, where masking and converting are four; others have no such instruction.
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
        IntVector both = IntVector.fromArray(Lanes.I, MASKS, 0);
        IntVector even = IntVector.fromArray(Lanes.I, MASKS, Lanes.COUNT);
        IntVector one = IntVector.fromArray(Lanes.I, MASKS, 2 * Lanes.COUNT);
        VectorShuffle<Float> spread = shape.spread();
        int blockShift = shape.blockShift();
        int groupShift = shape.groupShift();
        int groups = cols >>> groupShift;
        int blocks = cols >>> blockShift;
        int step = Lanes.one();
        long minusOnes = AffineDots.minusOnes(sums, groups);
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int block = 0; block < blocks; block += step) {
            long from = codes + (long) block * V;
            IntVector w0 = IntVector.fromMemorySegment(Lanes.I, ALL, from, LE);
            IntVector w1 = IntVector.fromMemorySegment(Lanes.I, ALL, from + apart, LE);
            IntVector w2 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 2 * apart, LE);
            IntVector w3 = IntVector.fromMemorySegment(Lanes.I, ALL, from + 3 * apart, LE);
            long at = x + 8L * V * block;
            FloatVector ones = FloatVector.fromMemorySegment(Lanes.F, ALL, minusOnes + (long) block * V, LE);
            IntVector u0 = w0.lanewise(VectorOperators.LSHL, 15).and(both).or(one);
            IntVector u1 = w1.lanewise(VectorOperators.LSHL, 15).and(both).or(one);
            IntVector u2 = w2.lanewise(VectorOperators.LSHL, 15).and(both).or(one);
            IntVector u3 = w3.lanewise(VectorOperators.LSHL, 15).and(both).or(one);
            FloatVector y = FloatVector.fromMemorySegment(Lanes.F, ALL, at, LE);
            FloatVector a0 = u0.and(even).reinterpretAsFloats().fma(y, ones);
            FloatVector a1 = u1.and(even).reinterpretAsFloats().fma(y, ones);
            FloatVector a2 = u2.and(even).reinterpretAsFloats().fma(y, ones);
            FloatVector a3 = u3.and(even).reinterpretAsFloats().fma(y, ones);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + V, LE);
            a0 = u0.reinterpretAsFloats().fma(y, a0);
            a1 = u1.reinterpretAsFloats().fma(y, a1);
            a2 = u2.reinterpretAsFloats().fma(y, a2);
            a3 = u3.reinterpretAsFloats().fma(y, a3);
            u0 = w0.lanewise(VectorOperators.LSHL, 7).and(both).or(one);
            u1 = w1.lanewise(VectorOperators.LSHL, 7).and(both).or(one);
            u2 = w2.lanewise(VectorOperators.LSHL, 7).and(both).or(one);
            u3 = w3.lanewise(VectorOperators.LSHL, 7).and(both).or(one);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 2L * V, LE);
            a0 = u0.and(even).reinterpretAsFloats().fma(y, a0);
            a1 = u1.and(even).reinterpretAsFloats().fma(y, a1);
            a2 = u2.and(even).reinterpretAsFloats().fma(y, a2);
            a3 = u3.and(even).reinterpretAsFloats().fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 3L * V, LE);
            a0 = u0.reinterpretAsFloats().fma(y, a0);
            a1 = u1.reinterpretAsFloats().fma(y, a1);
            a2 = u2.reinterpretAsFloats().fma(y, a2);
            a3 = u3.reinterpretAsFloats().fma(y, a3);
            u0 = w0.lanewise(VectorOperators.LSHR, 1).and(both).or(one);
            u1 = w1.lanewise(VectorOperators.LSHR, 1).and(both).or(one);
            u2 = w2.lanewise(VectorOperators.LSHR, 1).and(both).or(one);
            u3 = w3.lanewise(VectorOperators.LSHR, 1).and(both).or(one);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 4L * V, LE);
            a0 = u0.and(even).reinterpretAsFloats().fma(y, a0);
            a1 = u1.and(even).reinterpretAsFloats().fma(y, a1);
            a2 = u2.and(even).reinterpretAsFloats().fma(y, a2);
            a3 = u3.and(even).reinterpretAsFloats().fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 5L * V, LE);
            a0 = u0.reinterpretAsFloats().fma(y, a0);
            a1 = u1.reinterpretAsFloats().fma(y, a1);
            a2 = u2.reinterpretAsFloats().fma(y, a2);
            a3 = u3.reinterpretAsFloats().fma(y, a3);
            u0 = w0.lanewise(VectorOperators.LSHR, 9).and(both).or(one);
            u1 = w1.lanewise(VectorOperators.LSHR, 9).and(both).or(one);
            u2 = w2.lanewise(VectorOperators.LSHR, 9).and(both).or(one);
            u3 = w3.lanewise(VectorOperators.LSHR, 9).and(both).or(one);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 6L * V, LE);
            a0 = u0.and(even).reinterpretAsFloats().fma(y, a0);
            a1 = u1.and(even).reinterpretAsFloats().fma(y, a1);
            a2 = u2.and(even).reinterpretAsFloats().fma(y, a2);
            a3 = u3.and(even).reinterpretAsFloats().fma(y, a3);
            y = FloatVector.fromMemorySegment(Lanes.F, ALL, at + 7L * V, LE);
            a0 = u0.reinterpretAsFloats().fma(y, a0);
            a1 = u1.reinterpretAsFloats().fma(y, a1);
            a2 = u2.reinterpretAsFloats().fma(y, a2);
            a3 = u3.reinterpretAsFloats().fma(y, a3);
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
        int step = Lanes.one();
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int block = 0; block < blocks; block += step) {
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
        int step = Lanes.one();
        FloatVector s0 = FloatVector.zero(Lanes.F);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        for (int block = 0; block < blocks; block += step) {
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
