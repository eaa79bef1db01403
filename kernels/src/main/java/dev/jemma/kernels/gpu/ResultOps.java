package dev.jemma.kernels.gpu;

import dev.jemma.kernels.DType;
import dev.jemma.kernels.DeviceBuffer;
import dev.jemma.kernels.Region;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;

/** From logits to ids: {@code results.metal}. */
final class ResultOps implements AutoCloseable {
    /** Logits that one threadgroup of argmax looks through: 128 threadgroups for 262144. */
    private static final int ARGMAX_PART = 2048;

    /** Values that one threadgroup of top-k sorts. */
    private static final int SORTED = 2048;

    /** Most candidates for rows wider than {@link #SORTED}: a stage must at least halve them. */
    private static final int MAX_K = SORTED / 2;

    private static final int SORT_THREADS = 256;

    private final Encoder encoder;
    private final Kernel suppress;
    private final Kernel argmaxParts;
    private final Kernel argmaxMerge;
    private final Kernel topK;
    private final DeviceBuffer values;
    private final DeviceBuffer ids;

    ResultOps(Encoder encoder, Shaders shaders, GpuDriver driver, StepLimits limits) {
        this.encoder = encoder;
        suppress = shaders.kernel("results.metal", "suppress");
        argmaxParts = shaders.kernel("results.metal", "argmax_parts");
        argmaxMerge = shaders.kernel("results.metal", "argmax_merge");
        topK = shaders.kernel("results.metal", "top_k");
        int maxParts = Math.ceilDiv(Math.max(limits.vocabSize(), limits.maxCols()), SORTED);
        long elements = Math.max((long) limits.maxRows() * maxParts, 2L * maxParts * MAX_K);
        values = driver.allocate(DType.F32.bytes(elements), "candidate values");
        ids = driver.allocate(DType.I32.bytes(elements), "candidate ids");
    }

    void suppress(Tensor logits, Region suppressed, int count) {
        encoder.kernel(suppress).args(2).put(count).put(logits.rowStride());
        encoder.constant(suppressed);
        encoder.writes(logits);
        encoder.runElements(count, encoder.rows(logits));
    }

    void argmax(Tensor out, Tensor logits) {
        int rows = encoder.rows(logits);
        int parts = Math.ceilDiv(logits.cols(), ARGMAX_PART);
        long partBytes = DType.F32.bytes((long) rows * parts);
        encoder.kernel(argmaxParts);
        argmaxArgs(out, logits, parts);
        encoder.reads(logits);
        encoder.writes(values, 0, partBytes);
        encoder.writes(ids, 0, partBytes);
        encoder.run(parts, rows, 1, 256);
        encoder.kernel(argmaxMerge);
        argmaxArgs(out, logits, parts);
        encoder.reads(values, 0, partBytes);
        encoder.reads(ids, 0, partBytes);
        encoder.writes(out);
        encoder.run(rows, 1, 1, 32 * Math.clamp(Math.ceilDiv(parts, 32), 1, 8));
    }

    private void argmaxArgs(Tensor out, Tensor logits, int parts) {
        encoder.args(5)
                .put(logits.cols())
                .put(logits.rowStride())
                .put(ARGMAX_PART)
                .put(parts)
                .put(out.rowStride());
    }

    /** Stage by stage, each leaving k of every 2048 values, until one sort is left. As many rows at once as fit. */
    void topK(Tensor outIds, Tensor outValues, Tensor logits) {
        int k = outIds.cols();
        if (logits.cols() > SORTED && k > MAX_K) {
            throw new IllegalArgumentException("top-k: at most " + MAX_K + " candidates, got " + k);
        }
        int parts = Math.ceilDiv(logits.cols(), SORTED);
        int rowsAtOnce = (int) Math.max(1, values.byteSize() / 4 / (2L * parts * k));
        for (int row = 0; row < encoder.rows(logits); row += rowsAtOnce) {
            int rows = Math.min(rowsAtOnce, encoder.rows(logits) - row);
            topKRows(outIds, outValues, logits, row, rows);
        }
    }

    private void topKRows(Tensor outIds, Tensor outValues, Tensor logits, int firstRow, int rows) {
        int k = outIds.cols();
        DeviceBuffer fromValues = logits.at().buffer();
        long from = logits.rowOffset(firstRow);
        int cols = logits.cols();
        int stride = logits.rowStride();
        boolean first = true;
        long to = 0;
        while (cols > SORTED) {
            int parts = Math.ceilDiv(cols, SORTED);
            sort(cols, stride, first, k, parts * k, parts * k);
            candidates(fromValues, from, (rows - 1L) * stride + cols, first);
            encoder.writes(values, to, 4L * rows * parts * k);
            encoder.writes(ids, to, 4L * rows * parts * k);
            encoder.run(parts, rows, 1, SORT_THREADS);
            fromValues = values;
            from = to;
            cols = parts * k;
            stride = cols;
            to = to == 0 ? values.byteSize() / 8 * 4 : 0;
            first = false;
        }
        sort(cols, stride, first, k, outValues.rowStride(), outIds.rowStride());
        candidates(fromValues, from, (rows - 1L) * stride + cols, first);
        encoder.writes(
                outValues.at().buffer(), outValues.rowOffset(firstRow), 4L * ((rows - 1L) * outValues.rowStride() + k));
        encoder.writes(outIds.at().buffer(), outIds.rowOffset(firstRow), 4L * ((rows - 1L) * outIds.rowStride() + k));
        encoder.run(1, rows, 1, SORT_THREADS);
    }

    private void sort(int cols, int stride, boolean first, int k, int outStride, int idsOutStride) {
        encoder.kernel(topK)
                .args(7)
                .put(cols)
                .put(stride)
                .put(first ? 0 : 1)
                .put(stride)
                .put(k)
                .put(outStride)
                .put(idsOutStride);
    }

    private void candidates(DeviceBuffer fromValues, long from, long elements, boolean first) {
        encoder.reads(fromValues, from, 4 * elements);
        if (first) {
            encoder.constant(ids);
        } else {
            encoder.reads(ids, from, 4 * elements);
        }
    }

    @Override
    public void close() {
        values.close();
        ids.close();
    }
}
