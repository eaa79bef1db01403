package dev.jemma.kernels;

/**
 * Which experts each row goes to: best first, ties to the lower index.
 *
 * @param ids I32 {@code [rows, topK]}
 * @param weights F32 {@code [rows, topK]}: what multiplies each expert's output
 */
public record Routing(Tensor ids, Tensor weights) {
    public Routing {
        if (ids.dtype() != DType.I32 || weights.dtype() != DType.F32 || ids.cols() != weights.cols()) {
            throw new IllegalArgumentException("routing: expected I32 ids and F32 weights of one width");
        }
    }

    public int topK() {
        return ids.cols();
    }
}
