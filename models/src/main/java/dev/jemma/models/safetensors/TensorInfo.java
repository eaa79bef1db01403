package dev.jemma.models.safetensors;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One tensor of a header.
 *
 * @param dtype element type as the file names it, known to us or not
 * @param shape dimensions, none negative; empty for a scalar
 * @param begin first byte, counted from the start of the data section
 * @param end past the last byte
 */
public record TensorInfo(String name, String dtype, List<Long> shape, long begin, long end) {
    public TensorInfo {
        shape = List.copyOf(shape);
    }

    /** Null for a type we cannot read; such a tensor is an error only for whoever needs it. */
    public @Nullable ElementType type() {
        return ElementType.named(dtype);
    }

    public long byteSize() {
        return end - begin;
    }

    /** {@code BF16 [1024, 64]}. */
    public String describe() {
        return dtype + " " + shape;
    }

    /**
     * Product of a shape's dimensions.
     *
     * @throws ArithmeticException if it exceeds a long
     */
    public static long elements(List<Long> shape) {
        long elements = 1;
        for (long dimension : shape) {
            elements = Math.multiplyExact(elements, dimension);
        }
        return elements;
    }
}
