package dev.jemma.kernels.gpu;

import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.KernelChoice;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.StepLimits;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;

/**
 * Mixture of experts: {@code experts.metal} row by row, {@link ExpertGemm} for many rows. Batch-invariant: the former for
 * decodes, the latter for prompts.
 */
final class ExpertOps implements AutoCloseable {
    private static final int SIMDGROUPS = 2;

    private final Encoder encoder;
    private final boolean rowInvariant;
    private final Kernel route;
    private final KernelFamily geglu;
    private final KernelFamily down;
    private final ExpertGemm many;

    ExpertOps(Encoder encoder, Shaders shaders, GpuDriver driver, StepLimits limits, KernelChoice choice) {
        this.encoder = encoder;
        rowInvariant = choice == KernelChoice.BATCH_INVARIANT;
        many = new ExpertGemm(encoder, shaders, driver, limits);
        route = shaders.kernel("experts.metal", "route");
        geglu = shaders.byFormat("experts.metal", "experts.metal", "expert_geglu_%s");
        down = shaders.byFormat("experts.metal", "experts.metal", "expert_down_%s");
    }

    void route(Routing routing, Tensor logits, VectorF32 expertScale) {
        encoder.kernel(route)
                .args(5)
                .put(logits.cols())
                .put(logits.rowStride())
                .put(routing.topK())
                .put(routing.ids().rowStride())
                .put(routing.weights().rowStride());
        encoder.reads(logits);
        encoder.constant(expertScale.at());
        encoder.writes(routing.ids());
        encoder.writes(routing.weights());
        encoder.run(encoder.rows(logits), 1, 1, 32);
    }

    void geglu(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        if (WeightFormat.of(gate.stack()) != WeightFormat.of(up.stack())
                || WeightFormat.groupShift(gate.stack()) != WeightFormat.groupShift(up.stack())) {
            throw new IllegalArgumentException("experts: gate and up must have one format");
        }
        if (!rowInvariant) {
            gegluOf(out, x, gate, up, routing, many.takes(x, gate, routing));
            return;
        }
        int rows = encoder.rows(x);
        for (int first = 0; first < rows; ) {
            first = encoder.overNextKind(x.rows(), first);
            gegluOf(out, x, gate, up, routing, !encoder.isDecode());
        }
        encoder.overAll();
    }

    private void gegluOf(Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing, boolean listed) {
        if (listed) {
            many.geglu(out, x, gate, up, routing);
            return;
        }
        encoder.kernel(geglu.of(gate.stack()))
                .args(13)
                .put(gate.rows())
                .put(gate.cols())
                .put(x.rowStride())
                .put(out.rowStride())
                .put(routing.topK())
                .put(routing.ids().rowStride())
                .put(0)
                .put(gate.rowStride())
                .put(gate.firstRow())
                .put(up.rowStride())
                .put(up.firstRow())
                .put(WeightFormat.groupShift(gate.stack()))
                .put(aligned(x, gate) && aligned(x, up) ? 1 : 0);
        encoder.reads(x);
        encoder.reads(routing.ids());
        encoder.anyWeight(gate.stack());
        encoder.anyWeight(up.stack());
        encoder.writes(out);
        encoder.run(Math.ceilDiv(gate.rows(), SIMDGROUPS), routing.topK(), encoder.rows(x), 32 * SIMDGROUPS);
    }

    void down(Tensor out, Tensor h, ExpertWeight weight, Routing routing) {
        if (!rowInvariant) {
            downOf(out, h, weight, routing, many.takes(h, weight, routing));
            return;
        }
        int rows = encoder.rows(h);
        for (int first = 0; first < rows; ) {
            first = encoder.overNextKind(h.rows(), first);
            downOf(out, h, weight, routing, !encoder.isDecode());
        }
        encoder.overAll();
    }

    private void downOf(Tensor out, Tensor h, ExpertWeight weight, Routing routing, boolean listed) {
        if (listed) {
            many.down(out, h, weight, routing);
            return;
        }
        encoder.kernel(down.of(weight.stack()))
                .args(13)
                .put(weight.rows())
                .put(weight.cols())
                .put(h.rowStride())
                .put(out.rowStride())
                .put(routing.topK())
                .put(routing.ids().rowStride())
                .put(routing.weights().rowStride())
                .put(weight.rowStride())
                .put(weight.firstRow())
                .put(0)
                .put(0)
                .put(WeightFormat.groupShift(weight.stack()))
                .put(aligned(h, weight) ? 1 : 0);
        encoder.reads(h);
        encoder.reads(routing.ids());
        encoder.reads(routing.weights());
        encoder.anyWeight(weight.stack());
        encoder.writes(out);
        encoder.run(Math.ceilDiv(weight.rows(), SIMDGROUPS), encoder.rows(h), 1, 32 * SIMDGROUPS);
    }

    private static boolean aligned(Tensor x, ExpertWeight weight) {
        return Encoder.aligned(x) && weight.cols() % 4 == 0 && WeightFormat.aligned(weight.stack());
    }

    @Override
    public void close() {
        many.close();
    }
}
