package dev.jemma.kernels.bench;

import static dev.jemma.kernels.RowSet.ALL;
import static dev.jemma.kernels.RowSet.OUTPUT;

import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import dev.jemma.kernels.Weight;
import org.openjdk.jmh.annotations.Param;

/** Ops that look at every row for itself. Those that change their input have factors that keep it finite. */
public class RowOpsBenchmark extends KernelBenchmark {
    public enum Op {
        TOKENS,
        EMBED,
        ROTATIONS,
        COPY,
        ADD,
        SCALE,
        RMS_NORM,
        GEGLU,
        SOFTCAP,
        ADD_NORM,
        ADD_NORM_NORM
    }

    @Param
    public Op op = Op.COPY;

    @Param({"1", "128"})
    public int rows = 1;

    @Param("1152")
    public int cols = 1152;

    @Override
    int rows() {
        return rows;
    }

    @Override
    Kernel prepare(Workspace memory) {
        Tensor x = memory.input(ALL, cols);
        Tensor y = memory.input(ALL, cols);
        Norm norm = new Norm(cols, 1e-6f, memory.vector(cols));
        return switch (op) {
            case TOKENS -> {
                Tensor ids = memory.outputIds(ALL, 1);
                Tensor sampled = memory.ids(OUTPUT, 1, 1000);
                yield new Kernel(c -> c.tokens(ids, sampled));
            }
            case EMBED -> {
                Weight table = memory.weight(Format.BF16, 1000, cols);
                Tensor ids = memory.ids(ALL, 1, 1000);
                Tensor out = memory.output(ALL, cols);
                yield new Kernel(c -> c.embed(out, ids, table, 2));
            }
            case ROTATIONS -> {
                VectorF32 frequencies = memory.vector(cols / 2);
                Tensor out = memory.output(ALL, cols);
                yield new Kernel(c -> c.rotations(out, new Rope(frequencies)));
            }
            case COPY -> {
                Tensor out = memory.output(ALL, cols);
                yield new Kernel(c -> c.copy(out, x));
            }
            case ADD -> {
                Tensor out = memory.output(ALL, cols);
                yield new Kernel(c -> c.add(out, x, y, 0.5f));
            }
            case SCALE -> {
                memory.watched(x);
                yield new Kernel(c -> c.scale(x, -1));
            }
            case RMS_NORM -> {
                Tensor out = memory.output(ALL, cols);
                yield new Kernel(c -> c.rmsNorm(out, x, norm));
            }
            case GEGLU -> {
                Tensor out = memory.output(ALL, cols);
                yield new Kernel(c -> c.geglu(out, x, y));
            }
            case SOFTCAP -> {
                memory.watched(x);
                yield new Kernel(c -> c.softcap(x, 30));
            }
            case ADD_NORM -> {
                memory.watched(x);
                yield new Kernel(c -> c.addNorm(x, y, norm, 0.5f));
            }
            case ADD_NORM_NORM -> {
                memory.watched(x);
                Tensor out = memory.output(ALL, cols);
                yield new Kernel(c -> c.addNormNorm(out, x, y, norm, 0.5f, norm));
            }
        };
    }
}
