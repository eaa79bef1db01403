package dev.jemma.kernels.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.jemma.kernels.ExpertWeight;
import dev.jemma.kernels.Routing;
import dev.jemma.kernels.RowSet;
import dev.jemma.kernels.Tensor;
import org.junit.jupiter.api.Test;

/** The oracle's experts and choices of tokens against numbers worked out by hand. */
class ChoiceFormulasTest extends ReferenceFixture {
    private Routing routing(int[] ids, float... weights) {
        int topK = ids.length / step.count(RowSet.ALL);
        return new Routing(i32(topK, ids), f32(topK, weights));
    }

    @Test
    void routingWeightsAreSharesOfTheChosen() {
        rows(0, 2);
        Routing routing = routing(new int[4], new float[4]);
        float ln2 = (float) Math.log(2);
        float ln3 = (float) Math.log(3);
        // Odds 1 : 2 : 3 of which the last two are kept, times their scales; then a tie of all.
        run(c -> c.route(routing, f32(3, 0, ln2, ln3, 5, 5, 5), vector(1, 10, 100)));
        assertThat(ids(routing.ids())).containsExactly(2, 1, 0, 1);
        float[] weights = floats(routing.weights());
        // The logarithms are rounded to F32.
        assertThat(weights[0]).isCloseTo(60, offset(1e-5f));
        assertThat(weights[1]).isCloseTo(4, offset(1e-6f));
        assertThat(weights[2]).isEqualTo(0.5f);
        assertThat(weights[3]).isEqualTo(5);
    }

    @Test
    void expertsReadTheirOwnRows() {
        rows(0, 1);
        // Each expert: one gate row, one up row. Gates of 20 pass the up projection on.
        ExpertWeight gate = new ExpertWeight(weight(4, 1, 20, 1, 20, 3), 2, 2, 0, 1);
        ExpertWeight up = new ExpertWeight(gate.stack(), 2, 2, 1, 1);
        Tensor out = f32(RowSet.ALL, 2);
        run(c -> c.expertGeglu(out, f32(1, 1), gate, up, routing(new int[] {1, 0}, 0, 0)));
        assertThat(floats(out)).containsExactly(60, 20);
    }

    @Test
    void expertOutputsAreWeighted() {
        rows(0, 1);
        ExpertWeight down = new ExpertWeight(weight(4, 1, 1, 2, 3, 4), 2, 2, 0, 2);
        Tensor out = f32(RowSet.ALL, 2);
        run(c -> c.expertDown(out, f32(2, 10, 100), down, routing(new int[] {1, 0}, 0.5f, 2)));
        assertThat(floats(out)).containsExactly(0.5f * 30 + 2 * 100, 0.5f * 40 + 2 * 200);
    }

    @Test
    void tiesGoToTheLowerIndex() {
        rows(0, 2);
        Tensor logits = f32(5, 1, 3, 2, 3, 3, -9, -9, -9, -9, -8);
        Tensor argmax = i32(1, 0, 0);
        Tensor ids = i32(4, new int[8]);
        Tensor values = f32(RowSet.ALL, 4);
        run(c -> {
            c.argmax(argmax, logits);
            c.topK(ids, values, logits);
        });
        assertThat(ids(argmax)).containsExactly(1, 4);
        assertThat(ids(ids)).containsExactly(1, 3, 4, 2, 4, 0, 1, 2);
        assertThat(floats(values)).containsExactly(3, 3, 3, 2, -8, -9, -9, -9);
    }

    @Test
    void suppressedLogitsAreTheLowestFiniteNumber() {
        rows(0, 2);
        Tensor logits = f32(3, 1, 2, 3, 4, 5, 6);
        run(c -> c.suppress(logits, i32(1, 2, 0).at(), 2));
        float lowest = -Float.MAX_VALUE;
        assertThat(floats(logits)).containsExactly(lowest, 2, lowest, lowest, 5, lowest);
    }
}
