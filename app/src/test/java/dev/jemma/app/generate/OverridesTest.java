package dev.jemma.app.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.SamplingOptions;
import dev.jemma.engine.StopConditions;
import dev.jemma.engine.UsageException;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

class OverridesTest {
    private static final SamplingOptions SAMPLING = new SamplingOptions(0.5f, 7, 0.75f, 0.25f, 1.5f, 11);
    private static final StopConditions STOP = new StopConditions(99, Set.of(1, 2), List.of("end"));

    private static Overrides overrides(String fields) {
        return new Overrides(JsonMapper.shared().readTree("{" + fields + "}"));
    }

    private static StopConditions stop(String fields) {
        return overrides(fields).over(STOP, Set.of(1, 2));
    }

    @Test
    void whatIsNotSaidIsTheCommandLines() {
        assertThat(overrides("").over(SAMPLING)).isEqualTo(SAMPLING);
        assertThat(overrides("'temperature': null, 'seed': null".replace('\'', '"'))
                        .over(SAMPLING))
                .isEqualTo(SAMPLING);
        assertThat(stop("")).isEqualTo(STOP);
    }

    @Test
    void everyOptionOfSamplingCanBeSaid() {
        assertThat(overrides("'temperature': 0.25, 'top_k': 3, 'top_p': 1, 'min_p': 0, 'repeat_penalty': 2, 'seed': 5e9"
                                .replace('\'', '"'))
                        .over(SAMPLING))
                .isEqualTo(new SamplingOptions(0.25f, 3, 1, 0, 2, 5_000_000_000L));
    }

    @Test
    void everyConditionCanBeSaid() {
        assertThat(stop("\"max_tokens\": 5").maxTokens()).isEqualTo(5);
        assertThat(stop("\"max_tokens\": -1").maxTokens()).isEqualTo(StopConditions.UNLIMITED);
        assertThat(stop("\"stop\": \"x\"").stopStrings()).containsExactly("x");
        assertThat(stop("\"stop\": [\"x\", \"y\"]").stopStrings()).containsExactly("x", "y");
        assertThat(stop("\"stop\": []").stopStrings()).isEmpty();
        assertThat(stop("\"ignore_eos\": true").stopIds()).isEmpty();
        StopConditions endless = new StopConditions(99, Set.of(), List.of());
        assertThat(overrides("\"ignore_eos\": false")
                        .over(endless, Set.of(1, 2))
                        .stopIds())
                .containsExactlyInAnyOrder(1, 2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"top_k\": 2.5            | expected 'top_k' to be a whole number, got 2.5",
                "\"top_k\": 1e10           | expected 'top_k' to be a whole number of 32 bits",
                "\"seed\": 1e30            | expected 'seed' to be a whole number, got",
                "\"min_p\": \"0.1\"        | expected 'min_p' to be a number, got \"0.1\"",
                "\"temperature\": 1e99     | temperature: expected 0 or more",
                "\"top_p\": 0              | top-p: expected a number above 0",
                "\"max_tokens\": 0         | max-tokens: expected 1 or more",
                "\"stop\": [1]             | expected 'stop' to be a text or a list of texts, got [1]",
                "\"stop\": \"\"            | stop: expected at least one character",
                "\"ignore_eos\": 1         | expected 'ignore_eos' to be true or false, got 1",
            })
    void saysWhatIsWrong(String field, String message) {
        Overrides overrides = overrides(field);
        assertThatThrownBy(() -> {
                    overrides.over(SAMPLING);
                    overrides.over(STOP, Set.of());
                })
                .isInstanceOf(UsageException.class)
                .hasMessageStartingWith(message);
    }
}
