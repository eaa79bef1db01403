package dev.jemma.app.bench;

import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tokens per second by test and threads, from a file that {@code jemma bench -o json} wrote. */
final class EarlierReport {
    /** To compare with nothing. */
    static final EarlierReport NONE = new EarlierReport(Map.of());

    private final Map<Key, Double> means;

    private record Key(String test, int threads) {}

    private EarlierReport(Map<Key, Double> means) {
        this.means = Map.copyOf(means);
    }

    /** @throws UsageException if it is no such file */
    static EarlierReport read(Path file) {
        JsonNode report;
        try {
            report = JsonMapper.shared().readTree(Files.readAllBytes(file));
        } catch (IOException | JacksonException e) {
            throw new UsageException(
                    "compare: expected a file that 'jemma bench -o json' wrote, got '" + file + "'", e);
        }
        Map<Key, Double> means = new HashMap<>();
        for (JsonNode test : report.path("tests")) {
            if (test.path("test").isString() && test.path("mean").asDouble(0) > 0) {
                Key key = new Key(
                        test.get("test").asString(), test.path("threads").asInt(0));
                means.put(key, test.get("mean").asDouble());
            }
        }
        if (means.isEmpty()) {
            throw new UsageException(
                    "compare: expected a file that 'jemma bench -o json' wrote, got '" + file + "', without tests");
        }
        return new EarlierReport(means);
    }

    boolean isEmpty() {
        return means.isEmpty();
    }

    /** How many times as fast a test is now; empty if there was none of its name with as many threads. */
    OptionalDouble ratio(BenchRow row) {
        Double before = means.get(new Key(row.test().name(), row.setup().threads()));
        return before == null ? OptionalDouble.empty() : OptionalDouble.of(row.mean() / before);
    }
}
