package dev.jemma.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** A replay may only stand in for a step that is the same to the last byte. */
class DispatchListTest {
    private static DispatchList list(long function, int groups, long address, int block) {
        DispatchList list = new DispatchList();
        for (int i = 0; i < 1000; i++) {
            long first = list.addValue(Long.BYTES);
            list.values().set(ValueLayout.JAVA_LONG, first, address + i);
            long second = list.addValue(36);
            list.values().set(ValueLayout.JAVA_INT, second + 32, block);
            list.end(function, new int[] {groups, 1, 1, 32, 1, 1}, 0, 2);
        }
        return list;
    }

    @Test
    void equalListsAreTheSameAndCopiesStayWhenTheOriginalIsReused() {
        DispatchList list = list(7, 4, 100, 5);
        DispatchList copy = new DispatchList();
        copy.copyFrom(list);
        assertThat(copy.sameAs(list)).isTrue();
        list.clear();
        assertThat(copy.sameAs(list)).isFalse();
        assertThat(copy.sameAs(list(7, 4, 100, 5))).isTrue();
    }

    @Test
    void everyKindOfDifferenceCounts() {
        DispatchList list = list(7, 4, 100, 5);
        assertThat(list.sameAs(list(8, 4, 100, 5))).as("function").isFalse();
        assertThat(list.sameAs(list(7, 3, 100, 5))).as("grid").isFalse();
        assertThat(list.sameAs(list(7, 4, 101, 5))).as("address").isFalse();
        assertThat(list.sameAs(list(7, 4, 100, 6))).as("argument block").isFalse();
    }
}
