package dev.jemma.app.generate;

import dev.jemma.engine.SamplingOptions;
import dev.jemma.engine.StopConditions;
import dev.jemma.engine.UsageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** What a prompt says itself about its answer, where the command line speaks for all. A null is as if it were not there. */
record Overrides(JsonNode fields) {
    /** Named as the options are, with underscores. */
    static final Set<String> NUMBERS =
            Set.of("max_tokens", "temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed");

    static final Set<String> SWITCHES = Set.of("ignore_eos");

    /** One text, or a list of them. */
    static final String STOP = "stop";

    /**
     * The command line's sampling with this prompt's differences.
     *
     * @throws UsageException if one of them is not what it should be
     */
    SamplingOptions over(SamplingOptions common) {
        return new SamplingOptions(
                decimal("temperature", common.temperature()),
                integer("top_k", common.topK()),
                decimal("top_p", common.topP()),
                decimal("min_p", common.minP()),
                decimal("repeat_penalty", common.repeatPenalty()),
                integer("seed", common.seed()));
    }

    /**
     * The command line's conditions with this prompt's differences.
     *
     * @param modelStopIds tokens that end a text unless the model's own end is ignored
     * @throws UsageException if one of them is not what it should be
     */
    StopConditions over(StopConditions common, Set<Integer> modelStopIds) {
        int maxTokens = integer("max_tokens", common.maxTokens());
        return new StopConditions(
                maxTokens == -1 ? StopConditions.UNLIMITED : maxTokens,
                stopIds(common, modelStopIds),
                isSaid(STOP) ? stopStrings() : common.stopStrings());
    }

    private Set<Integer> stopIds(StopConditions common, Set<Integer> modelStopIds) {
        if (!isSaid("ignore_eos")) {
            return common.stopIds();
        }
        JsonNode value = fields.get("ignore_eos");
        if (!value.isBoolean()) {
            throw wrong("ignore_eos", "true or false", value);
        }
        return value.booleanValue() ? Set.of() : modelStopIds;
    }

    private List<String> stopStrings() {
        JsonNode value = fields.get(STOP);
        List<String> texts = new ArrayList<>();
        for (JsonNode text : value.isArray() ? value : List.of(value)) {
            if (!text.isString()) {
                throw wrong(STOP, "a text or a list of texts", value);
            }
            texts.add(text.asString());
        }
        return texts;
    }

    private boolean isSaid(String name) {
        return fields.has(name) && !fields.get(name).isNull();
    }

    private float decimal(String name, float common) {
        if (!isSaid(name)) {
            return common;
        }
        if (!fields.get(name).isNumber()) {
            throw wrong(name, "a number", fields.get(name));
        }
        return fields.get(name).numberValue().floatValue();
    }

    private int integer(String name, int common) {
        long value = integer(name, (long) common);
        if (value != (int) value) {
            throw wrong(name, "a whole number of 32 bits", fields.get(name));
        }
        return (int) value;
    }

    private long integer(String name, long common) {
        if (!isSaid(name)) {
            return common;
        }
        JsonNode value = fields.get(name);
        if (!value.isNumber() || !value.canConvertToExactIntegral() || !value.canConvertToLong()) {
            throw wrong(name, "a whole number", value);
        }
        return value.numberValue().longValue();
    }

    private static UsageException wrong(String name, String expected, JsonNode got) {
        return new UsageException("expected '" + name + "' to be " + expected + ", got " + got);
    }
}
