package dev.jemma.app.bench;

import java.util.ArrayList;
import java.util.List;

/** One JSON object with all tests, which {@link EarlierReport} reads. */
final class JsonReport implements BenchOutput {
    private final Appendable out;
    private final List<BenchRow> rows = new ArrayList<>();

    JsonReport(Appendable out) {
        this.out = out;
    }

    @Override
    public void row(BenchRow row) {
        rows.add(row);
    }

    @Override
    public void end() {
        BenchJson.line(out, json -> {
            BenchJson.model(json, rows.getFirst().setup());
            json.writeArrayPropertyStart("tests");
            for (BenchRow row : rows) {
                json.writeStartObject();
                BenchJson.test(json, row);
                json.writeEndObject();
            }
            json.writeEndArray();
        });
    }
}
