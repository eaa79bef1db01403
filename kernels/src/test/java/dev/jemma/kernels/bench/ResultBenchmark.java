package dev.jemma.kernels.bench;

import static dev.jemma.kernels.RowSet.OUTPUT;

import dev.jemma.kernels.Region;
import dev.jemma.kernels.Tensor;
import org.openjdk.jmh.annotations.Param;

/** What is made of logits. */
public class ResultBenchmark extends KernelBenchmark {
    public enum Op {
        SUPPRESS,
        ARGMAX,
        TOP_K
    }

    @Param
    public Op op = Op.ARGMAX;

    @Param({"1", "16"})
    public int rows = 1;

    @Param("262144")
    public int vocabSize = 262_144;

    @Param("64")
    public int topK = 64;

    @Override
    int rows() {
        return rows;
    }

    @Override
    Kernel prepare(Workspace memory) {
        Tensor logits = memory.input(OUTPUT, vocabSize);
        return switch (op) {
            case SUPPRESS -> {
                memory.watched(logits);
                Region ids = memory.ids(OUTPUT, 16, vocabSize).at();
                yield new Kernel(c -> c.suppress(logits, ids, 16));
            }
            case ARGMAX -> {
                Tensor ids = memory.outputIds(OUTPUT, 1);
                yield new Kernel(c -> c.argmax(ids, logits));
            }
            case TOP_K -> {
                Tensor ids = memory.outputIds(OUTPUT, topK);
                Tensor values = memory.output(OUTPUT, topK);
                yield new Kernel(c -> c.topK(ids, values, logits));
            }
        };
    }
}
