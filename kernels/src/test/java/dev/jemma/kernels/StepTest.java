package dev.jemma.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StepTest {
    private final Step step = new Step(6, 3);

    @BeforeEach
    void twoSpans() {
        step.addSpan(2, 10, new int[] {99, 4, 5, 6, 99}, 1, 4, 2);
        step.addSpan(0, 3, new int[] {-1}, 0, 1, 1);
    }

    private void assertTwoSpans(Step step) {
        RowTable all = step.rows(RowSet.ALL);
        assertThat(all.count()).isEqualTo(4);
        assertThat(all.numSpans()).isEqualTo(2);
        assertThat(new int[] {all.spanStart(0), all.spanLength(0), all.spanStart(1), all.spanLength(1)})
                .containsExactly(0, 3, 3, 1);
        assertThat(new int[] {step.token(0), step.token(1), step.token(2), step.token(3)})
                .containsExactly(4, 5, 6, -1);
        assertThat(new int[] {all.slot(0), all.slot(2), all.slot(3)}).containsExactly(2, 2, 0);
        assertThat(new int[] {all.position(0), all.position(2), all.position(3)})
                .containsExactly(10, 12, 3);

        RowTable output = step.rows(RowSet.OUTPUT);
        assertThat(output.count()).isEqualTo(3);
        assertThat(output.numSpans()).isEqualTo(2);
        assertThat(new int[] {step.outputRow(0), step.outputRow(1), step.outputRow(2)})
                .containsExactly(1, 2, 3);
        assertThat(new int[] {output.position(0), output.position(1), output.position(2)})
                .containsExactly(11, 12, 3);
        assertThat(new int[] {output.slot(0), output.slot(1), output.slot(2)}).containsExactly(2, 2, 0);
    }

    @Test
    void rowsOfSpansAreNeighbours() {
        assertTwoSpans(step);
        assertThat(step.maxCount(RowSet.ALL)).isEqualTo(6);
        assertThat(step.maxCount(RowSet.OUTPUT)).isEqualTo(3);
        assertThat(step).hasToString("Step[slot 2 positions 10 to 12, slot 0 positions 3 to 3, outputs [1, 2, 3]]");
    }

    @Test
    void copiesAreIndependent() {
        Step copy = new Step(4, 3);
        copy.addSpan(1, 0, new int[4], 0, 4, 0);
        copy.copyFrom(step);
        step.clear();
        step.addSpan(3, 0, new int[6], 0, 6, 3);
        assertTwoSpans(copy);
        assertThatIllegalArgumentException().isThrownBy(() -> copy.copyFrom(step));
    }

    @Test
    void aDecodeIsARowThatWantsLogitsAndSaysSoInBothSets() {
        Step step = new Step(6, 4);
        step.addSpan(2, 10, new int[] {4, 5, 6}, 0, 3, 2);
        step.addSpan(0, 3, new int[] {-1}, 0, 1, 1);
        step.addDecode(1, 7, 42);
        RowTable all = step.rows(RowSet.ALL);
        RowTable output = step.rows(RowSet.OUTPUT);
        assertThat(step.token(4)).isEqualTo(42);
        assertThat(all.position(4)).isEqualTo(7);
        assertThat(new boolean[] {all.isDecode(0), all.isDecode(1), all.isDecode(2)})
                .containsExactly(false, false, true);
        assertThat(new boolean[] {output.isDecode(0), output.isDecode(1), output.isDecode(2)})
                .containsExactly(false, false, true);
        Step copy = new Step(6, 4);
        copy.copyFrom(step);
        assertThat(copy.rows(RowSet.ALL).isDecode(2)).isTrue();
        step.clear();
        step.addSpan(1, 7, new int[] {42}, 0, 1, 1);
        assertThat(step.rows(RowSet.ALL).isDecode(0)).isFalse();
    }

    @Test
    void aSpanWithoutOutputsIsNoOutputSpan() {
        step.clear();
        step.addSpan(1, 0, new int[2], 0, 2, 0);
        assertThat(step.count(RowSet.OUTPUT)).isZero();
        assertThat(step.rows(RowSet.OUTPUT).numSpans()).isZero();
    }

    @Test
    void refusesWhatDoesNotFit() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> step.addSpan(2, 20, new int[1], 0, 1, 0))
                .withMessageContaining("slot 2 has a span already");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> step.addSpan(1, 0, new int[3], 0, 3, 0))
                .withMessageContaining("more than the step can hold");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> step.addSpan(1, 0, new int[1], 0, 1, 1))
                .withMessageContaining("more than the step can hold");
        assertThatIllegalArgumentException().isThrownBy(() -> step.addSpan(1, 0, new int[1], 0, 0, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> step.addSpan(1, -1, new int[1], 0, 1, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> step.addSpan(-1, 0, new int[1], 0, 1, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> step.addSpan(1, 0, new int[2], 0, 2, 3));
        assertTwoSpans(step);
    }
}
