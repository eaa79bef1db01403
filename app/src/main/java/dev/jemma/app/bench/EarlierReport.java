package dev.jemma.app.bench;

import dev.jemma.engine.UsageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tokens per second by test, from a file that {@code jemma bench -o json} wrote. */
final class EarlierReport {
    private EarlierReport() {}

    /** @throws UsageException if it is no such file */
    static Map<String, Double> read(Path file) {
        JsonNode report;
        try {
            report = JsonMapper.shared().readTree(Files.readAllBytes(file));
        } catch (IOException | JacksonException e) {
            throw new UsageException(
                    "compare: expected a file that 'jemma bench -o json' wrote, got '" + file + "'", e);
        }
        Map<String, Double> means = new LinkedHashMap<>();
        for (JsonNode test : report.path("tests")) {
            if (test.path("test").isString() && test.path("mean").asDouble(0) > 0) {
                means.put(test.get("test").asString(), test.get("mean").asDouble());
            }
        }
        if (means.isEmpty()) {
            throw new UsageException(
                    "compare: expected a file that 'jemma bench -o json' wrote, got '" + file + "', without tests");
        }
        return means;
    }
}
