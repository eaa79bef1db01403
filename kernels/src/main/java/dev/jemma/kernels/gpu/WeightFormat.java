package dev.jemma.kernels.gpu;

import dev.jemma.kernels.AffineWeight;
import dev.jemma.kernels.DType;
import dev.jemma.kernels.DenseWeight;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.Weight;

/** How a weight lies in memory, as far as kernels differ by it. */
enum WeightFormat {
    F32("f32", 0),
    F16("f16", 0),
    BF16("bf16", 0),
    AFFINE4_F32("affine4", 0),
    AFFINE4_F16("affine4", 1),
    AFFINE4_BF16("affine4", 2),
    AFFINE8_F32("affine8", 0),
    AFFINE8_F16("affine8", 1),
    AFFINE8_BF16("affine8", 2);

    private final String kernelName;
    private final int scaleType;

    /** {@code scaleType} is SCALE_TYPE of weights.h, which has a value for dense formats too, where nothing reads it. */
    WeightFormat(String kernelName, int scaleType) {
        this.kernelName = kernelName;
        this.scaleType = scaleType;
    }

    static WeightFormat of(Weight weight) {
        return switch (weight) {
            case DenseWeight dense ->
                switch (dense.dtype()) {
                    case F32 -> F32;
                    case F16 -> F16;
                    case BF16 -> BF16;
                    case I32 -> throw new IllegalArgumentException("I32 weight");
                };
            case AffineWeight affine -> affine(affine.bits() == 4 ? AFFINE4_F32 : AFFINE8_F32, affine.scaleType());
        };
    }

    private static WeightFormat affine(WeightFormat withF32, DType scaleType) {
        return switch (scaleType) {
            case F32 -> withF32;
            case F16 -> withF32 == AFFINE4_F32 ? AFFINE4_F16 : AFFINE8_F16;
            case BF16 -> withF32 == AFFINE4_F32 ? AFFINE4_BF16 : AFFINE8_BF16;
            case I32 -> throw new IllegalArgumentException("I32 scales");
        };
    }

    /** What stands for the format in kernels' names. */
    String kernelName() {
        return kernelName;
    }

    boolean isAffine() {
        return compareTo(AFFINE4_F32) >= 0;
    }

    FunctionConstants functionConstants() {
        return FunctionConstants.NONE.with(0, scaleType);
    }

    /** Whether kernels may read four elements (8 bytes of codes) at a time from every row. */
    static boolean aligned(Weight weight) {
        return switch (weight) {
            case DenseWeight dense ->
                dense.cols() % 4 == 0 && multiple(dense.at(), dense.dtype().bytes(4));
            case AffineWeight affine ->
                multiple(affine.codes(), 8)
                        && multiple(affine.scales(), affine.scaleType().byteSize())
                        && multiple(affine.biases(), affine.scaleType().byteSize());
        };
    }

    private static boolean multiple(Region at, long bytes) {
        return at.byteOffset() % bytes == 0;
    }

    /** Base-2 logarithm of the codes that share a scale; 0 for dense weights. */
    static int groupShift(Weight weight) {
        return weight instanceof AffineWeight affine ? Integer.numberOfTrailingZeros(affine.groupSize()) : 0;
    }
}
