package dev.jemma.kernels.bench;

import static dev.jemma.kernels.RowSet.ALL;

import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;
import org.openjdk.jmh.annotations.Param;

/** A mixture of experts, by default of Gemma 4 26B's shape with fewer experts to choose from. */
public class ExpertBenchmark extends KernelBenchmark {
    public enum Op {
        ROUTE,
        EXPERT_GEGLU,
        EXPERT_DOWN
    }

    @Param
    public Op op = Op.ROUTE;

    @Param({"BF16", "BITS4"})
    public Format format = Format.BF16;

    @Param({"1", "16"})
    public int rows = 1;

    @Param("2816")
    public int cols = 2816;

    @Param("704")
    public int width = 704;

    @Param("64")
    public int experts = 64;

    @Param("8")
    public int chosen = 8;

    @Override
    int rows() {
        return rows;
    }

    @Override
    Kernel prepare(Workspace memory) {
        double flops = 2.0 * rows * chosen * width * cols;
        return switch (op) {
            case ROUTE -> {
                Tensor logits = memory.input(ALL, experts);
                VectorF32 scale = memory.vector(experts);
                Routing routing = new Routing(memory.outputIds(ALL, chosen), memory.output(ALL, chosen));
                yield new Kernel(c -> c.route(routing, logits, scale));
            }
            case EXPERT_GEGLU -> {
                Tensor x = memory.input(ALL, cols);
                ExpertWeight gate = stack(memory, width, cols);
                ExpertWeight up = stack(memory, width, cols);
                Tensor out = memory.output(ALL, chosen * width);
                Routing routing = routing(memory);
                yield new Kernel(bytes(gate) + bytes(up), 2 * flops, c -> c.expertGeglu(out, x, gate, up, routing));
            }
            case EXPERT_DOWN -> {
                Tensor h = memory.input(ALL, chosen * width);
                ExpertWeight down = stack(memory, cols, width);
                Tensor out = memory.output(ALL, cols);
                Routing routing = routing(memory);
                yield new Kernel(bytes(down), flops, c -> c.expertDown(out, h, down, routing));
            }
        };
    }

    private ExpertWeight stack(Workspace memory, int outputs, int inputs) {
        return new ExpertWeight(memory.weight(format, experts * outputs, inputs), experts, outputs, 0, outputs);
    }

    private Routing routing(Workspace memory) {
        return new Routing(memory.ids(ALL, chosen, experts), memory.input(ALL, chosen));
    }

    /** Of the experts chosen, each read for every row. */
    private double bytes(ExpertWeight weight) {
        return (double) weight.stack().byteSize() / experts * chosen * rows;
    }
}
