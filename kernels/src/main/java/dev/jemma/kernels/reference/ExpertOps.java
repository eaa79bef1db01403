package dev.jemma.kernels.reference;

import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.VectorF32;

/** Routing to experts and their projections. */
final class ExpertOps {
    private ExpertOps() {}

    static void route(int count, Routing routing, Tensor logits, VectorF32 expertScale) {
        Rows source = Rows.of(logits);
        Rows ids = Rows.of(routing.ids());
        Rows weights = Rows.of(routing.weights());
        double[] scales = Rows.vector(expertScale);
        for (int r = 0; r < count; r++) {
            double[] scores = source.row(r);
            double[] probabilities = AttentionOps.softmax(scores);
            // By logit: distinct logits can share a probability once it underflows.
            int[] chosen = ResultOps.largest(scores, routing.topK());
            double sum = 0;
            for (int e : chosen) {
                sum += probabilities[e];
            }
            for (int k = 0; k < chosen.length; k++) {
                ids.putId(r, k, chosen[k]);
                weights.put(r, k, probabilities[chosen[k]] / sum * scales[chosen[k]]);
            }
        }
    }

    static void expertGeglu(int count, Tensor out, Tensor x, ExpertWeight gate, ExpertWeight up, Routing routing) {
        Rows target = Rows.of(out);
        Rows source = Rows.of(x);
        Rows ids = Rows.of(routing.ids());
        for (int r = 0; r < count; r++) {
            double[] input = source.row(r);
            for (int k = 0; k < routing.topK(); k++) {
                int e = ids.idAt(r, k);
                double[] gates = WeightRows.times(gate.expert(e), input);
                double[] ups = WeightRows.times(up.expert(e), input);
                for (int i = 0; i < gate.rows(); i++) {
                    target.put(r, k * gate.rows() + i, RowOps.geluTanh(gates[i]) * ups[i]);
                }
            }
        }
    }

    static void expertDown(int count, Tensor out, Tensor h, ExpertWeight down, Routing routing) {
        Rows target = Rows.of(out);
        Rows source = Rows.of(h);
        Rows ids = Rows.of(routing.ids());
        Rows weights = Rows.of(routing.weights());
        for (int r = 0; r < count; r++) {
            double[] sum = new double[down.rows()];
            for (int k = 0; k < routing.topK(); k++) {
                double[] input = source.row(r, k * down.cols(), down.cols());
                double[] product = WeightRows.times(down.expert(ids.idAt(r, k)), input);
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += weights.at(r, k) * product[i];
                }
            }
            for (int i = 0; i < sum.length; i++) {
                target.put(r, i, sum[i]);
            }
        }
    }
}
