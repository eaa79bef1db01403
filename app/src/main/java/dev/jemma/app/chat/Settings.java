package dev.jemma.app.chat;

import dev.jemma.engine.AnswerOptions;
import dev.jemma.engine.SamplingOptions;
import dev.jemma.engine.StopConditions;
import dev.jemma.engine.UsageException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/** What {@code /set} changes. */
final class Settings {
    /** In the order in which they are shown. */
    static final List<String> KEYS = List.of(
            "temperature",
            "top-k",
            "top-p",
            "min-p",
            "repeat-penalty",
            "seed",
            "max-tokens",
            "stop",
            "thinking",
            "stats");

    private final boolean canThink;
    private SamplingOptions sampling;
    private StopConditions stop;
    private Thinking thinking = Thinking.OFF;
    private boolean stats;

    Settings(SamplingOptions sampling, StopConditions stop, boolean canThink) {
        this.sampling = sampling;
        this.stop = stop;
        this.canThink = canThink;
    }

    AnswerOptions answerOptions() {
        return new AnswerOptions(sampling, stop, thinking != Thinking.OFF);
    }

    Thinking thinking() {
        return thinking;
    }

    boolean showsStats() {
        return stats;
    }

    void think(Thinking how) {
        if (how != Thinking.OFF && !canThink) {
            throw new UsageException("thinking: expected a model whose chat template can think (Gemma 4), got one whose"
                    + " template cannot");
        }
        thinking = how;
    }

    void showStats(boolean shown) {
        stats = shown;
    }

    /** Every setting's value by its key. */
    Map<String, String> values() {
        Map<String, String> values = new LinkedHashMap<>();
        for (String key : KEYS) {
            values.put(key, value(key));
        }
        return values;
    }

    private String value(String key) {
        return switch (key) {
            case "temperature" -> String.valueOf(sampling.temperature());
            case "top-k" -> String.valueOf(sampling.topK());
            case "top-p" -> String.valueOf(sampling.topP());
            case "min-p" -> String.valueOf(sampling.minP());
            case "repeat-penalty" -> String.valueOf(sampling.repeatPenalty());
            case "seed" -> String.valueOf(sampling.seed());
            case "max-tokens" ->
                stop.maxTokens() == StopConditions.UNLIMITED ? "-1 (no limit)" : String.valueOf(stop.maxTokens());
            case "stop" -> stop.stopStrings().isEmpty() ? "none" : String.join(", ", stop.stopStrings());
            case "thinking" -> thinking.name().toLowerCase(Locale.ROOT);
            case "stats" -> stats ? "on" : "off";
            default -> throw unknown(key);
        };
    }

    /** Changes one setting, or none if the value is wrong. */
    void set(String key, String value) {
        SamplingOptions s = sampling;
        switch (key) {
            case "temperature", "temp" ->
                sampling = new SamplingOptions(
                        number(key, value), s.topK(), s.topP(), s.minP(), s.repeatPenalty(), s.seed());
            case "top-k" ->
                sampling = new SamplingOptions(
                        s.temperature(), integer(key, value), s.topP(), s.minP(), s.repeatPenalty(), s.seed());
            case "top-p" ->
                sampling = new SamplingOptions(
                        s.temperature(), s.topK(), number(key, value), s.minP(), s.repeatPenalty(), s.seed());
            case "min-p" ->
                sampling = new SamplingOptions(
                        s.temperature(), s.topK(), s.topP(), number(key, value), s.repeatPenalty(), s.seed());
            case "repeat-penalty" ->
                sampling = new SamplingOptions(
                        s.temperature(), s.topK(), s.topP(), s.minP(), number(key, value), s.seed());
            case "seed" ->
                sampling = new SamplingOptions(
                        s.temperature(),
                        s.topK(),
                        s.topP(),
                        s.minP(),
                        s.repeatPenalty(),
                        parsed(key, value, "a whole number", Long::valueOf));
            case "max-tokens" ->
                stop = new StopConditions(limit(integer(key, value)), stop.stopIds(), stop.stopStrings());
            case "stop" -> addStop(value);
            case "thinking" -> think(parsed(key, value, "off, on or hidden", Settings::thinking));
            case "stats" -> stats = parsed(key, value, "on or off", Settings::onOff);
            default -> throw unknown(key);
        }
    }

    private static UsageException unknown(String key) {
        return new UsageException("/set: expected one of " + String.join(", ", KEYS) + ", got '" + key + "'");
    }

    static int limit(int maxTokens) {
        return maxTokens == -1 ? StopConditions.UNLIMITED : maxTokens;
    }

    private void addStop(String value) {
        if (value.equals("none")) {
            stop = new StopConditions(stop.maxTokens(), stop.stopIds(), List.of());
            return;
        }
        List<String> strings = new ArrayList<>(stop.stopStrings());
        strings.add(value);
        stop = new StopConditions(stop.maxTokens(), Set.copyOf(stop.stopIds()), strings);
    }

    private static float number(String key, String value) {
        return parsed(key, value, "a number", Float::valueOf);
    }

    private static int integer(String key, String value) {
        return parsed(key, value, "a whole number", Integer::valueOf);
    }

    private static <T> T parsed(String key, String value, String expected, Function<String, T> parse) {
        try {
            return parse.apply(value);
        } catch (IllegalArgumentException e) {
            throw new UsageException(key + ": expected " + expected + ", got '" + value + "'", e);
        }
    }

    private static Thinking thinking(String value) {
        return Thinking.valueOf(value.toUpperCase(Locale.ROOT));
    }

    private static boolean onOff(String value) {
        return switch (value) {
            case "on" -> true;
            case "off" -> false;
            default -> throw new IllegalArgumentException(value);
        };
    }
}
