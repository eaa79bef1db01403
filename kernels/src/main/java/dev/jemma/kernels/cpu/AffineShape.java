package dev.jemma.kernels.cpu;

import jdk.incubator.vector.VectorShuffle;

/** How the groups of affine codes lie to the vectors of code words: one instance per bits and group size. */
@SuppressWarnings("ImmutableEnumChecker") // Shuffles are values; the checker does not know them.
enum AffineShape {
    FOUR_32(4, 32),
    FOUR_64(4, 64),
    FOUR_128(4, 128),
    EIGHT_32(8, 32),
    EIGHT_64(8, 64),
    EIGHT_128(8, 128);

    private static final AffineShape[] SHAPES = values();

    private final int bits;
    private final int groupSize;
    private final VectorShuffle<Float> spread;

    AffineShape(int bits, int groupSize) {
        this.bits = bits;
        this.groupSize = groupSize;
        int lanesPerGroup = groupSize * bits / 32;
        this.spread = VectorShuffle.fromOp(Lanes.F, lane -> lane / lanesPerGroup);
    }

    static AffineShape of(int bits, int groupSize) {
        for (AffineShape shape : SHAPES) {
            if (shape.bits == bits && shape.groupSize == groupSize) {
                return shape;
            }
        }
        throw new IllegalArgumentException(bits + " bits in groups of " + groupSize);
    }

    int bits() {
        return bits;
    }

    int groupSize() {
        return groupSize;
    }

    /** Codes in a 32-bit word. */
    int perWord() {
        return 32 / bits;
    }

    /** Takes the scales of a block's groups, in its first lanes, to the lanes of their code words. */
    VectorShuffle<Float> spread() {
        return spread;
    }

    /** Log2 of the codes in a vector of words. */
    int blockShift() {
        return Integer.numberOfTrailingZeros(WordOrder.block(perWord()));
    }

    /** Log2 of the codes in a group. */
    int groupShift() {
        return Integer.numberOfTrailingZeros(groupSize);
    }

    /** Group that the first code of a vector of words belongs to. */
    int groupOfBlock(int block) {
        return block << blockShift() >>> groupShift();
    }

    /** Code {@code i} of a row of codes. */
    int code(long codes, int i) {
        if (bits == 8) {
            return Memory.u8(codes + i);
        }
        int pair = Memory.u8(codes + i / 2);
        return i % 2 == 0 ? pair & 15 : pair >>> 4;
    }
}
