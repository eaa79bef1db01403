package dev.jemma.kernels;

/**
 * An MLX affine-quantized matrix: {@code w[o, i] = scales[o, i / groupSize] * q[o, i] + biases[o, i / groupSize]} with
 * unsigned {@code q} of {@code bits} bits. Codes are packed little-endian into U32 words, the first code in the lowest
 * bits: 4-bit codes start with the low nibble of byte 0. Scales may be negative.
 *
 * @param codes U32 {@code [rows, cols * bits / 32]}
 * @param scales {@code scaleType [rows, cols / groupSize]}
 * @param biases as {@code scales}
 * @param scaleType F32, F16 or BF16
 * @param bits 4 or 8
 * @param groupSize 32, 64 or 128
 */
public record AffineWeight(
        Region codes, Region scales, Region biases, DType scaleType, int bits, int groupSize, int rows, int cols)
        implements Weight {
    public AffineWeight {
        String label = codes.buffer().label();
        if (bits != 4 && bits != 8) {
            throw new IllegalArgumentException(label + ": expected 4 or 8 bits, got " + bits);
        }
        if (groupSize != 32 && groupSize != 64 && groupSize != 128) {
            throw new IllegalArgumentException(label + ": expected a group size of 32, 64 or 128, got " + groupSize);
        }
        if (rows <= 0 || cols <= 0 || cols % groupSize != 0) {
            throw new IllegalArgumentException(
                    label + ": [" + rows + ", " + cols + "] cannot be split into groups of " + groupSize);
        }
        if (scaleType == DType.I32) {
            throw new IllegalArgumentException(label + ": scales are F32, F16 or BF16, got I32");
        }
        long scaleBytes = scaleType.bytes((long) rows * (cols / groupSize));
        if ((long) rows * cols * bits / 8 > codes.remaining()
                || scaleBytes > scales.remaining()
                || scaleBytes > biases.remaining()) {
            throw new IllegalArgumentException(
                    label + ": [" + rows + ", " + cols + "] in " + bits + " bits does not fit in its buffers");
        }
    }

    /** Bytes of one row of codes. */
    public long codeRowBytes() {
        return (long) cols * bits / 8;
    }

    /** Groups in one row. */
    public int groupsPerRow() {
        return cols / groupSize;
    }

    @Override
    public long byteSize() {
        return rows * codeRowBytes() + 2 * scaleType.bytes((long) rows * groupsPerRow());
    }

    @Override
    public AffineWeight slice(int firstRow, int count) {
        if (firstRow < 0 || firstRow + count > rows) {
            throw new IllegalArgumentException("rows " + firstRow + " to " + (firstRow + count) + " of " + rows);
        }
        long scaleOffset = scaleType.bytes((long) firstRow * groupsPerRow());
        return new AffineWeight(
                codes.plus(firstRow * codeRowBytes()),
                scales.plus(scaleOffset),
                biases.plus(scaleOffset),
                scaleType,
                bits,
                groupSize,
                count,
                cols);
    }
}
