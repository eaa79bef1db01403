package dev.jemma.kernels.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vector width of all kernels: the machine's preferred one, or {@value #PROPERTY} (128, 256 or 512), read once. Widths
 * that the hardware lacks work, slowly.
 */
final class Lanes {
    static final String PROPERTY = "jemma.vectorBits";

    static final VectorSpecies<Float> F = species();
    static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, F.vectorShape());

    /** As many shorts as there are floats in a vector. */
    static final VectorSpecies<Short> S = VectorSpecies.of(short.class, VectorShape.forBitSize(F.vectorBitSize() / 2));

    /** Floats of a vector. */
    static final int COUNT = F.length();

    /** Bytes of a vector. */
    static final int BYTES = F.vectorByteSize();

    /**
     * 1, which C2 must not know: a loop that steps by a number it cannot see is not unrolled. Where its profile says that a
     * loop is long, C2 (JDK 25) unrolls also what is unrolled by hand, runs out of registers, and keeps vectors in memory:
     * from an L2 cache 36 instead of 72 GB/s of BF16, in processes that happened to compile the kernel for long rows.
     */
    static int one() {
        return ONE[0];
    }

    private static final VectorShuffle<Float> TURN_8 = turn(8);
    private static final VectorShuffle<Float> TURN_4 = turn(4);
    private static final VectorShuffle<Float> TURN_2 = turn(2);
    private static final VectorShuffle<Float> TURN_1 = turn(1);

    /** In an array, whose elements C2 takes for variable. */
    private static final int[] ONE = {1};

    private Lanes() {}

    /**
     * The sum of a vector's lanes, in an order of its own: {@code reduceLanes} leaves the order open, and C2 adds in
     * another one than the interpreter, so that the same sum has other last bits once its loop has been compiled. Dot
     * products that read weights from memory would be 3 to 7 % slower with it, so it is for batch-invariant ones. The
     * one method that takes a vector; hot callers inline what is so small.
     */
    static float sum(FloatVector v) {
        FloatVector s = v;
        if (COUNT > 8) {
            s = s.add(s.rearrange(TURN_8));
        }
        if (COUNT > 4) {
            s = s.add(s.rearrange(TURN_4));
        }
        s = s.add(s.rearrange(TURN_2));
        return s.add(s.rearrange(TURN_1)).lane(0);
    }

    private static VectorShuffle<Float> turn(int lanes) {
        return VectorShuffle.iota(F, lanes, 1, true);
    }

    private static VectorSpecies<Float> species() {
        Integer bits = Integer.getInteger(PROPERTY);
        if (bits == null) {
            // Scalable vectors of other widths exist on paper; kernels are tested at these three.
            return switch (FloatVector.SPECIES_PREFERRED.vectorBitSize()) {
                case 512 -> FloatVector.SPECIES_512;
                case 256 -> FloatVector.SPECIES_256;
                default -> FloatVector.SPECIES_128;
            };
        }
        return switch (bits) {
            case 128, 256, 512 -> VectorSpecies.of(float.class, VectorShape.forBitSize(bits));
            default -> throw new IllegalArgumentException(PROPERTY + ": expected 128, 256 or 512, got " + bits);
        };
    }
}
