package dev.jemma.app.bench;

import dev.jemma.engine.UsageException;
import java.util.Arrays;
import java.util.Locale;

/** How results are written. */
enum BenchFormat {
    MD,
    CSV,
    JSON,
    JSONL;

    /** @throws UsageException if there is no such format */
    static BenchFormat of(String name) {
        return Arrays.stream(values())
                .filter(format -> format.name().toLowerCase(Locale.ROOT).equals(name))
                .findFirst()
                .orElseThrow(() -> new UsageException("output: expected md, csv, json or jsonl, got '" + name + "'"));
    }

    /** @param earlier what {@link #MD} shows ratios to */
    BenchOutput open(Appendable out, EarlierReport earlier) {
        return switch (this) {
            case MD -> new MarkdownTable(out, earlier);
            case CSV -> new CsvTable(out);
            case JSON -> new JsonReport(out);
            case JSONL -> new JsonLines(out);
        };
    }
}
