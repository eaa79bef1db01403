package dev.jemma.app.bench;

import dev.jemma.app.console.ByteCount;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;

/** A table for people, in columns that are wide enough for what usually is in them. */
final class MarkdownTable implements BenchOutput {
    private final Appendable out;
    private final EarlierReport earlier;
    private final Set<BenchSetup> setups = new LinkedHashSet<>();
    private OptionalLong peakMemoryBytes = OptionalLong.empty();
    private boolean compared;

    private record Column(String title, int width, boolean number, String value) {
        static Column text(String title, int width, String value) {
            return new Column(title, width, false, value);
        }

        static Column number(String title, int width, String value) {
            return new Column(title, width, true, value);
        }

        String cell(String text) {
            String padding = " ".repeat(Math.max(0, width - text.length()));
            return number ? padding + text : text + padding;
        }

        String rule() {
            return number ? "-".repeat(width - 1) + ":" : "-".repeat(width);
        }
    }

    MarkdownTable(Appendable out, EarlierReport earlier) {
        this.out = out;
        this.earlier = earlier;
    }

    @Override
    public void row(BenchRow row) {
        List<Column> columns = columns(row);
        if (setups.isEmpty()) {
            print(line(
                    columns.stream().map(column -> column.cell(column.title())).toList()));
            print(line(columns.stream().map(Column::rule).toList()));
        }
        print(line(columns.stream().map(column -> column.cell(column.value())).toList()));
        setups.add(row.setup());
        peakMemoryBytes = row.peakMemoryBytes();
    }

    private List<Column> columns(BenchRow row) {
        BenchSetup setup = row.setup();
        OptionalDouble share = setup.share(row.gigabytesPerSecond());
        List<Column> columns = new ArrayList<>(List.of(
                Column.text("model", 12, setup.model()),
                Column.number("size", 10, ByteCount.text(setup.weightBytes())),
                Column.number("params", 8, number("%.2f B", setup.parameters() / 1e9)),
                Column.text("backend", 7, setup.backend())));
        if (setup.threads() > 0) {
            columns.add(Column.number("threads", 7, String.valueOf(setup.threads())));
        }
        columns.addAll(List.of(
                Column.text("test", 16, row.test().name()),
                Column.number("tokens/s", 17, number("%.2f", row.mean()) + " ± " + number("%.2f", row.deviation())),
                Column.number("each", 8, row.test().sequences() == 1 ? "" : number("%.2f", row.perSequence())),
                Column.number("ms to first", 11, some("%.1f", 1000 * row.secondsToFirstToken())),
                Column.number("GB/s", 7, some("%.2f", row.gigabytesPerSecond())),
                Column.number("of read", 7, share.isPresent() ? number("%.0f %%", 100 * share.getAsDouble()) : ""),
                Column.number("GFLOP/s", 8, some("%.1f", row.gigaflops()))));
        if (!earlier.isEmpty()) {
            OptionalDouble ratio = earlier.ratio(row);
            compared |= ratio.isPresent();
            columns.add(Column.number("ratio", 5, ratio.isPresent() ? number("%.2f", ratio.getAsDouble()) : ""));
        }
        return columns;
    }

    private static String line(List<String> cells) {
        return cells.stream().collect(Collectors.joining(" | ", "| ", " |"));
    }

    @Override
    public void end() {
        print("");
        for (BenchSetup setup : setups) {
            StringBuilder text = new StringBuilder(setup.device())
                    .append("; loaded in ")
                    .append(number("%.2f s", setup.loadSeconds()));
            setup.readBandwidth().ifPresent(bytes -> text.append("; reads ").append(number("%.1f GB/s", bytes / 1e9)));
            print(text.toString());
        }
        peakMemoryBytes.ifPresent(bytes -> print("memory: at most " + ByteCount.text(bytes)));
        if (!earlier.isEmpty() && !compared) {
            print("no ratios: the earlier report has no test of the same name with as many threads");
        }
    }

    private void print(String line) {
        try {
            out.append(line + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Nothing for a quantity that a test does not have. */
    private static String some(String format, double value) {
        return value == 0 ? "" : number(format, value);
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
