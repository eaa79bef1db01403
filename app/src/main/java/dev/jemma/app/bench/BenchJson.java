package dev.jemma.app.bench;

import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.function.Consumer;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The fields that results have in JSON. */
final class BenchJson {
    private BenchJson() {}

    /** Writes an object as one line. */
    static void line(Appendable out, Consumer<JsonGenerator> fields) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
            json.writeStartObject();
            fields.accept(json);
            json.writeEndObject();
        }
        try {
            out.append(text + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void model(JsonGenerator json, BenchSetup setup) {
        json.writeStringProperty("model", setup.model());
        json.writeStringProperty("weights", setup.weights());
        json.writeNumberProperty("weight_bytes", setup.weightBytes());
        json.writeNumberProperty("parameters", setup.parameters());
        json.writeStringProperty("backend", setup.backend());
    }

    static void test(JsonGenerator json, BenchRow row) {
        BenchTest test = row.test();
        json.writeStringProperty("test", test.name());
        json.writeNumberProperty("prompt", test.prompt());
        json.writeNumberProperty("generated", test.generated());
        json.writeNumberProperty("depth", test.depth());
        json.writeNumberProperty("sequences", test.sequences());
        setup(json, row.setup());
        json.writeNumberProperty("mean", row.mean());
        json.writeNumberProperty("stddev", row.deviation());
        json.writeNumberProperty("median", row.median());
        json.writeNumberProperty("per_sequence", row.perSequence());
        if (test.isPrefill()) {
            json.writeNumberProperty("time_to_first_token_s", row.secondsToFirstToken());
            json.writeNumberProperty("gflops", row.gigaflops());
        }
        if (test.isDecode()) {
            json.writeNumberProperty("gb_per_s", row.gigabytesPerSecond());
            row.setup()
                    .share(row.gigabytesPerSecond())
                    .ifPresent(share -> json.writeNumberProperty("share_of_read", share));
        }
        row.peakMemoryBytes().ifPresent(bytes -> json.writeNumberProperty("peak_memory_bytes", bytes));
        json.writeArrayPropertyStart("tokens_per_s");
        row.rates().forEach(rate -> json.writeNumber((double) rate));
        json.writeEndArray();
    }

    private static void setup(JsonGenerator json, BenchSetup setup) {
        json.writeStringProperty("device", setup.device());
        json.writeNumberProperty("threads", setup.threads());
        json.writeNumberProperty("load_s", setup.loadSeconds());
        setup.readBandwidth().ifPresent(bytes -> json.writeNumberProperty("read_gb_per_s", bytes / 1e9));
    }
}
