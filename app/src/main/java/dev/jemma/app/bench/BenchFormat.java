package dev.jemma.app.bench;

import dev.jemma.app.console.ByteCount;
import java.io.StringWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** How a report is written. */
enum BenchFormat {
    MD {
        @Override
        String write(BenchReport report, Map<String, Double> earlier) {
            return markdown(report, earlier);
        }
    },
    CSV {
        @Override
        String write(BenchReport report, Map<String, Double> earlier) {
            return csv(report);
        }
    },
    JSON {
        @Override
        String write(BenchReport report, Map<String, Double> earlier) {
            StringWriter text = new StringWriter();
            try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
                json.writeStartObject();
                writeContext(json, report);
                json.writeArrayPropertyStart("tests");
                for (BenchRow row : report.rows()) {
                    json.writeStartObject();
                    writeRow(json, report, row);
                    json.writeEndObject();
                }
                json.writeEndArray();
                json.writeEndObject();
            }
            return text + "\n";
        }
    },
    JSONL {
        @Override
        String write(BenchReport report, Map<String, Double> earlier) {
            StringBuilder lines = new StringBuilder();
            for (BenchRow row : report.rows()) {
                StringWriter text = new StringWriter();
                try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
                    json.writeStartObject();
                    writeContext(json, report);
                    writeRow(json, report, row);
                    json.writeEndObject();
                }
                lines.append(text).append('\n');
            }
            return lines.toString();
        }
    };

    /**
     * The whole output.
     *
     * @param earlier tokens per second of an earlier report's tests, for {@link #MD} to compare with
     */
    abstract String write(BenchReport report, Map<String, Double> earlier);

    private static String markdown(BenchReport report, Map<String, Double> earlier) {
        BenchReport.Context context = report.context();
        StringBuilder text =
                new StringBuilder("| model | size | params | backend | test | tokens/s | each | ms to first"
                        + " | GB/s | of read | GFLOP/s |" + (earlier.isEmpty() ? "" : " ratio |") + "\n");
        text.append("|---|--:|--:|---|---|--:|--:|--:|--:|--:|--:|").append(earlier.isEmpty() ? "\n" : "--:|\n");
        for (BenchRow row : report.rows()) {
            OptionalDouble share = context.share(row.gigabytesPerSecond());
            List<String> cells = List.of(
                    context.model(),
                    ByteCount.text(context.weightBytes()),
                    number("%.2f B", context.parameters() / 1e9),
                    context.backend(),
                    row.test().name(),
                    number("%.2f", row.mean()) + " ± " + number("%.2f", row.deviation()),
                    row.test().sequences() == 1 ? "" : number("%.2f", row.perSequence()),
                    some("%.1f", 1000 * row.secondsToFirstToken()),
                    some("%.2f", row.gigabytesPerSecond()),
                    share.isPresent() ? number("%.0f %%", 100 * share.getAsDouble()) : "",
                    some("%.1f", row.gigaflops()));
            text.append("| ").append(String.join(" | ", cells)).append(" |");
            if (!earlier.isEmpty()) {
                Double before = earlier.get(row.test().name());
                text.append(' ')
                        .append(before == null ? "" : number("%.2f", row.mean() / before))
                        .append(" |");
            }
            text.append('\n');
        }
        text.append('\n')
                .append(context.device())
                .append("; loaded in ")
                .append(number("%.2f s", context.loadSeconds()));
        context.readBandwidth().ifPresent(bytes -> text.append("; reads ").append(number("%.1f GB/s", bytes / 1e9)));
        report.peakMemoryBytes().ifPresent(bytes -> text.append("; memory ").append(ByteCount.text(bytes)));
        return text.append('\n').toString();
    }

    private static String csv(BenchReport report) {
        BenchReport.Context context = report.context();
        StringBuilder text = new StringBuilder(
                "model,weights,weight_bytes,parameters,backend,test,prompt,generated,depth,"
                        + "sequences,mean,stddev,median,per_sequence,time_to_first_token_s,gb_per_s,share_of_read,gflops\n");
        for (BenchRow row : report.rows()) {
            BenchTest test = row.test();
            OptionalDouble share = context.share(row.gigabytesPerSecond());
            text.append(Stream.of(
                                    quoted(context.model()),
                                    quoted(context.weights()),
                                    context.weightBytes(),
                                    context.parameters(),
                                    context.backend(),
                                    quoted(test.name()),
                                    test.prompt(),
                                    test.generated(),
                                    test.depth(),
                                    test.sequences(),
                                    row.mean(),
                                    row.deviation(),
                                    row.median(),
                                    row.perSequence(),
                                    row.secondsToFirstToken(),
                                    row.gigabytesPerSecond(),
                                    share.isPresent() ? String.valueOf(share.getAsDouble()) : "",
                                    row.gigaflops())
                            .map(String::valueOf)
                            .collect(Collectors.joining(",")))
                    .append('\n');
        }
        return text.toString();
    }

    private static String quoted(String value) {
        return '"' + value.replace("\"", "\"\"") + '"';
    }

    private static void writeContext(JsonGenerator json, BenchReport report) {
        BenchReport.Context context = report.context();
        json.writeStringProperty("model", context.model());
        json.writeStringProperty("weights", context.weights());
        json.writeNumberProperty("weight_bytes", context.weightBytes());
        json.writeNumberProperty("parameters", context.parameters());
        json.writeStringProperty("backend", context.backend());
        json.writeStringProperty("device", context.device());
        json.writeNumberProperty("load_s", context.loadSeconds());
        context.readBandwidth().ifPresent(bytes -> json.writeNumberProperty("read_gb_per_s", bytes / 1e9));
        report.peakMemoryBytes().ifPresent(bytes -> json.writeNumberProperty("peak_memory_bytes", bytes));
    }

    private static void writeRow(JsonGenerator json, BenchReport report, BenchRow row) {
        BenchTest test = row.test();
        json.writeStringProperty("test", test.name());
        json.writeNumberProperty("prompt", test.prompt());
        json.writeNumberProperty("generated", test.generated());
        json.writeNumberProperty("depth", test.depth());
        json.writeNumberProperty("sequences", test.sequences());
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
            report.context()
                    .share(row.gigabytesPerSecond())
                    .ifPresent(share -> json.writeNumberProperty("share_of_read", share));
        }
        json.writeArrayPropertyStart("tokens_per_s");
        row.rates().forEach(rate -> json.writeNumber((double) rate));
        json.writeEndArray();
    }

    /** Nothing for a quantity that a test does not have. */
    private static String some(String format, double value) {
        return value == 0 ? "" : number(format, value);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
