package dev.jemma.kernels.bench;

import static dev.jemma.kernels.RowSet.ALL;
import static dev.jemma.kernels.RowSet.OUTPUT;

import dev.jemma.kernels.Qkv;
import dev.jemma.kernels.QkvWeight;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import org.openjdk.jmh.annotations.Param;

/**
 * Products with weights, by default of Gemma 3 1B's shapes. Matrices take turns in {@link #megabytes} of memory, so that
 * they come from there and not from a cache; the LM head's are 262144 outputs.
 */
public class ProjectionBenchmark extends KernelBenchmark {
    public enum Op {
        MATMUL,
        LOGITS,
        PROJECT_QKV,
        GATED_MATMUL,
        GATE_UP_GEGLU
    }

    @Param("MATMUL")
    public Op op = Op.MATMUL;

    @Param
    public Format format = Format.BF16;

    @Param({"1", "4", "16", "128"})
    public int rows = 1;

    @Param("6912")
    public int outputs = 6912;

    @Param("1152")
    public int cols = 1152;

    @Param("600")
    public int megabytes = 600;

    @Override
    int rows() {
        return rows;
    }

    @Override
    Kernel prepare(Workspace memory) {
        Tensor x = memory.input(ALL, cols);
        Turns<Weight> weights = memory.weights(format, outputs, cols, megabytes * 1_000_000L);
        double bytes = weights.next().byteSize();
        double flops = 2.0 * rows * outputs * cols;
        return switch (op) {
            case MATMUL -> {
                Tensor out = memory.output(ALL, outputs);
                yield new Kernel(bytes, flops, c -> c.matmul(out, x, weights.next()));
            }
            case LOGITS -> {
                Tensor last = memory.input(OUTPUT, cols);
                Tensor out = memory.output(OUTPUT, outputs);
                yield new Kernel(bytes, flops, c -> c.logits(out, last, weights.next(), 30));
            }
            case PROJECT_QKV -> {
                Qkv out = new Qkv(
                        memory.output(ALL, outputs), memory.output(ALL, outputs), memory.output(ALL, outputs), false);
                yield new Kernel(
                        3 * bytes,
                        3 * flops,
                        c -> c.projectQkv(out, x, new QkvWeight(weights.next(), weights.next(), weights.next())));
            }
            case GATED_MATMUL -> {
                Tensor up = memory.input(ALL, outputs);
                Tensor out = memory.output(ALL, outputs);
                yield new Kernel(bytes, flops, c -> c.gatedMatmul(out, x, weights.next(), up));
            }
            case GATE_UP_GEGLU -> {
                Tensor scratch = memory.input(ALL, outputs);
                Tensor out = memory.output(ALL, outputs);
                yield new Kernel(
                        2 * bytes, 2 * flops, c -> c.gateUpGeglu(out, x, weights.next(), weights.next(), scratch));
            }
        };
    }
}
