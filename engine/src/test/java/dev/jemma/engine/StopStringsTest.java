package dev.jemma.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopStringsTest {
    @Test
    void holdsBackWhatMayBecomeAStopString() {
        StopStrings stop = new StopStrings(List.of("\n\nEnd"));
        assertThat(stop.accept("Once")).isEqualTo("Once");
        assertThat(stop.accept(" upon\n")).isEqualTo(" upon");
        assertThat(stop.accept("\nE")).isEmpty();
        assertThat(stop.accept("lse")).isEqualTo("\n\nElse");
        assertThat(stop.matched()).isFalse();
    }

    @Test
    void endsBeforeTheStopString() {
        StopStrings stop = new StopStrings(List.of("fox"));
        assertThat(stop.accept("the f")).isEqualTo("the ");
        assertThat(stop.accept("oxes ran")).isEmpty();
        assertThat(stop.matched()).isTrue();
        assertThat(stop.accept("more")).isEmpty();
        assertThat(stop.flush()).isEmpty();
    }

    @Test
    void givesBackWhatWasHeldWhenTheTextEnds() {
        StopStrings stop = new StopStrings(List.of("abc"));
        assertThat(stop.accept("xab")).isEqualTo("x");
        assertThat(stop.flush()).isEqualTo("ab");
    }

    @Test
    void resultDoesNotDependOnHowTheTextIsCut() {
        long seed = 42;
        Random random = new Random(seed);
        List<String> stops = List.of("aab", "ba", "abab");
        for (int round = 0; round < 2000; round++) {
            StringBuilder text = new StringBuilder();
            int length = random.nextInt(20);
            for (int i = 0; i < length; i++) {
                text.append("abc".charAt(random.nextInt(3)));
            }
            StopStrings whole = new StopStrings(stops);
            String expected = whole.accept(text.toString()) + whole.flush();
            StopStrings pieces = new StopStrings(stops);
            StringBuilder got = new StringBuilder();
            for (int from = 0; from < text.length(); ) {
                int to = Math.min(text.length(), from + 1 + random.nextInt(4));
                got.append(pieces.accept(text.substring(from, to)));
                from = to;
            }
            got.append(pieces.flush());
            assertThat(got).as("seed %d round %d: %s", seed, round, text).hasToString(expected);
            assertThat(pieces.matched()).isEqualTo(whole.matched());
            assertThat(expected).doesNotContain(stops);
        }
    }
}
