package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.Region;

/** Tensors of a scaled dot-product attention, all of one type: F32 or BF16. {@code out} overlaps none of the others. */
public record SdpaOperands(DType dtype, Region q, Region k, Region v, Region out) {
    public SdpaOperands {
        if (dtype != DType.F32 && dtype != DType.BF16) {
            throw new IllegalArgumentException("sdpa: expected F32 or BF16, got " + dtype);
        }
    }

    /** @throws IllegalArgumentException naming the tensor that does not have the shape's size, or overlaps the output */
    void check(SdpaShape shape) {
        DispatchChecks.requireElements("sdpa queries", q, dtype, shape.queryElements());
        DispatchChecks.requireElements("sdpa keys", k, dtype, shape.keyElements());
        DispatchChecks.requireElements("sdpa values", v, dtype, shape.keyElements());
        DispatchChecks.requireElements("sdpa output", out, dtype, shape.queryElements());
        long outBytes = dtype.bytes(shape.queryElements());
        DispatchChecks.requireApart("sdpa queries", q, outBytes, out, outBytes);
        DispatchChecks.requireApart("sdpa keys", k, dtype.bytes(shape.keyElements()), out, outBytes);
        DispatchChecks.requireApart("sdpa values", v, dtype.bytes(shape.keyElements()), out, outBytes);
    }
}
