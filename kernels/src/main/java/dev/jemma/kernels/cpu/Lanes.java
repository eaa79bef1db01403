package dev.jemma.kernels.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
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

    private Lanes() {}

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
