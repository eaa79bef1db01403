package dev.jemma.app.bench;

import dev.jemma.engine.PeakMemory;
import dev.jemma.kernels.Device;
import dev.jemma.models.GemmaModel;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The results of {@code jemma bench}. */
final class BenchTable {
    private final GemmaModel model;
    private final Device device;
    private final List<Row> rows = new ArrayList<>();

    /**
     * One test.
     *
     * @param rates tokens per second of each run
     * @param weightPasses how often a run reads the weights from memory; 0 if that is not what limits it
     */
    private record Row(String test, long tokens, List<Double> rates, int weightPasses) {
        double mean() {
            return rates.stream().mapToDouble(rate -> rate).average().orElse(0);
        }

        double deviation() {
            double mean = mean();
            double squares = rates.stream()
                    .mapToDouble(rate -> (rate - mean) * (rate - mean))
                    .sum();
            return rates.size() < 2 ? 0 : Math.sqrt(squares / (rates.size() - 1));
        }

        double median() {
            List<Double> sorted = rates.stream().sorted().toList();
            int middle = sorted.size() / 2;
            return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
        }

        /** Bytes of weights per second, in units of 10^9. */
        double weightGigabytes(long weightBytes) {
            return mean() / tokens * weightPasses * weightBytes / 1e9;
        }
    }

    BenchTable(GemmaModel model, Device device) {
        this.model = model;
        this.device = device;
    }

    /** Adds a test of {@code tokens} tokens. */
    void add(String test, long tokens, int weightPasses, List<Long> nanos) {
        List<Double> rates = nanos.stream().map(time -> tokens * 1e9 / time).toList();
        rows.add(new Row(test, tokens, rates, weightPasses));
    }

    String markdown() {
        StringBuilder text = new StringBuilder();
        text.append("| model | size | params | backend | test | tokens/s | weights GB/s |\n");
        text.append("|---|--:|--:|---|---|--:|--:|\n");
        for (Row row : rows) {
            text.append(String.format(
                    Locale.ROOT,
                    "| %s | %.2f GiB | %.2f B | %s | %s | %.2f ± %.2f | %s |\n",
                    model.config().name(),
                    model.weightBytes() / (double) (1 << 30),
                    model.parameterCount() / 1e9,
                    device.backend(),
                    row.test(),
                    row.mean(),
                    row.deviation(),
                    row.weightPasses() == 0
                            ? ""
                            : String.format(Locale.ROOT, "%.2f", row.weightGigabytes(model.weightBytes()))));
        }
        return text.append('\n').append(device.description()).append('\n').toString();
    }

    String json() {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            json.writeStringProperty("model", model.config().name());
            json.writeNumberProperty("weight_bytes", model.weightBytes());
            json.writeNumberProperty("parameters", model.parameterCount());
            json.writeStringProperty("backend", device.backend());
            json.writeStringProperty("device", device.description());
            PeakMemory.bytes().ifPresent(bytes -> json.writeNumberProperty("peak_memory_bytes", bytes));
            json.writeArrayPropertyStart("tests");
            for (Row row : rows) {
                json.writeStartObject();
                json.writeStringProperty("test", row.test());
                json.writeNumberProperty("mean", row.mean());
                json.writeNumberProperty("stddev", row.deviation());
                json.writeNumberProperty("median", row.median());
                json.writeNumberProperty("weights_gb_per_s", row.weightGigabytes(model.weightBytes()));
                json.writeArrayPropertyStart("tokens_per_s");
                row.rates().forEach(rate -> json.writeNumber((double) rate));
                json.writeEndArray();
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        return text + "\n";
    }
}
