package dev.jemma.kernels.reference;

import dev.jemma.kernels.Norm;
import dev.jemma.kernels.Rope;
import dev.jemma.kernels.RowTable;
import dev.jemma.kernels.Step;
import dev.jemma.kernels.Tensor;
import dev.jemma.kernels.Weight;
import java.lang.foreign.MemorySegment;

/** Inputs and ops on single rows. */
final class RowOps {
    private RowOps() {}

    static void tokens(Step step, Tensor ids, Tensor sampled) {
        Rows target = Rows.of(ids);
        Rows previous = Rows.of(sampled);
        for (int r = 0; r < step.count(ids.rows()); r++) {
            int token = step.token(r);
            target.putId(r, 0, token >= 0 ? token : previous.idAt(-1 - token, 0));
        }
    }

    static void embed(int count, Tensor out, Tensor ids, Weight table, float scale) {
        Rows target = Rows.of(out);
        Rows indices = Rows.of(ids);
        for (int r = 0; r < count; r++) {
            double[] embedding = WeightRows.row(table, indices.idAt(r, 0));
            for (int i = 0; i < embedding.length; i++) {
                embedding[i] *= scale;
            }
            target.putRow(r, 0, embedding);
        }
    }

    static void rotations(RowTable rows, Tensor out, Rope rope) {
        Rows target = Rows.of(out);
        double[] inverseFrequencies = Rows.vector(rope.inverseFrequencies());
        int half = inverseFrequencies.length;
        for (int r = 0; r < rows.count(); r++) {
            double[] values = new double[2 * half];
            for (int i = 0; i < half; i++) {
                float angle = (float) rows.position(r) * (float) inverseFrequencies[i];
                values[i] = Math.cos(angle);
                values[half + i] = Math.sin(angle);
            }
            target.putRow(r, 0, values);
        }
    }

    static void copy(Step step, Tensor out, Tensor x) {
        Rows target = Rows.of(out);
        Rows source = Rows.of(x);
        for (int r = 0; r < step.count(out.rows()); r++) {
            int from = out.rows() == x.rows() ? r : step.outputRow(r);
            long bytes = (long) out.cols() * out.dtype().byteSize();
            MemorySegment.copy(source.memory(), x.rowOffset(from), target.memory(), out.rowOffset(r), bytes);
        }
    }

    static void add(int count, Tensor out, Tensor a, Tensor b, float scale) {
        Rows target = Rows.of(out);
        Rows left = Rows.of(a);
        Rows right = Rows.of(b);
        for (int r = 0; r < count; r++) {
            double[] sums = left.row(r);
            double[] others = right.row(r);
            for (int i = 0; i < sums.length; i++) {
                sums[i] = (sums[i] + others[i]) * scale;
            }
            target.putRow(r, 0, sums);
        }
    }

    static void scale(int count, Tensor x, float factor) {
        Rows target = Rows.of(x);
        for (int r = 0; r < count; r++) {
            double[] values = target.row(r);
            for (int i = 0; i < values.length; i++) {
                values[i] *= factor;
            }
            target.putRow(r, 0, values);
        }
    }

    static void rmsNorm(int count, Tensor out, Tensor x, Norm norm) {
        Rows target = Rows.of(out);
        Rows source = Rows.of(x);
        double[] factors = norm.factors() == null ? null : Rows.vector(norm.factors());
        for (int r = 0; r < count; r++) {
            for (int first = 0; first < x.cols(); first += norm.size()) {
                double[] group = source.row(r, first, norm.size());
                double meanSquare = WeightRows.dot(group, group) / norm.size();
                double root = Math.sqrt(meanSquare + norm.eps());
                for (int i = 0; i < group.length; i++) {
                    group[i] = group[i] / root * (factors == null ? 1 : factors[i]);
                }
                target.putRow(r, first, group);
            }
        }
    }

    static void geglu(int count, Tensor out, Tensor gate, Tensor up) {
        Rows target = Rows.of(out);
        Rows gates = Rows.of(gate);
        Rows ups = Rows.of(up);
        for (int r = 0; r < count; r++) {
            double[] products = gates.row(r);
            double[] factors = ups.row(r);
            for (int i = 0; i < products.length; i++) {
                products[i] = geluTanh(products[i]) * factors[i];
            }
            target.putRow(r, 0, products);
        }
    }

    static double geluTanh(double z) {
        return 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z)));
    }

    static void softcap(int count, Tensor x, float cap) {
        Rows target = Rows.of(x);
        for (int r = 0; r < count; r++) {
            double[] values = target.row(r);
            for (int i = 0; i < values.length; i++) {
                values[i] = softcap(values[i], cap);
            }
            target.putRow(r, 0, values);
        }
    }

    static double softcap(double x, double cap) {
        return cap * Math.tanh(x / cap);
    }

    static void matmul(int count, Tensor out, Tensor x, Weight w) {
        Rows target = Rows.of(out);
        double[][] inputs = new double[count][];
        for (int r = 0; r < count; r++) {
            inputs[r] = Rows.of(x).row(r);
        }
        for (int o = 0; o < w.rows(); o++) {
            double[] weights = WeightRows.row(w, o);
            for (int r = 0; r < count; r++) {
                target.put(r, o, WeightRows.dot(weights, inputs[r]));
            }
        }
    }
}
