package dev.jemma.app.bench;

import de.siegmar.fastcsv.writer.CsvWriter;
import de.siegmar.fastcsv.writer.LineDelimiter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/** A table for programs. */
final class CsvTable implements BenchOutput {
    private static final List<String> HEADER = List.of(
            "model",
            "weights",
            "weight_bytes",
            "parameters",
            "backend",
            "threads",
            "test",
            "prompt",
            "generated",
            "depth",
            "sequences",
            "mean",
            "stddev",
            "median",
            "per_sequence",
            "time_to_first_token_s",
            "gb_per_s",
            "share_of_read",
            "gflops");

    private final Appendable out;
    private boolean begun;

    CsvTable(Appendable out) {
        this.out = out;
    }

    @Override
    public void row(BenchRow row) {
        if (!begun) {
            write(HEADER);
            begun = true;
        }
        BenchSetup setup = row.setup();
        BenchTest test = row.test();
        OptionalDouble share = setup.share(row.gigabytesPerSecond());
        write(Stream.of(
                        setup.model(),
                        setup.weights(),
                        setup.weightBytes(),
                        setup.parameters(),
                        setup.backend(),
                        setup.threads(),
                        test.name(),
                        test.prompt(),
                        test.generated(),
                        test.depth(),
                        test.sequences(),
                        row.mean(),
                        row.deviation(),
                        row.median(),
                        row.perSequence(),
                        some(row.secondsToFirstToken()),
                        some(row.gigabytesPerSecond()),
                        share.isPresent() ? share.getAsDouble() : "",
                        some(row.gigaflops()))
                .map(String::valueOf)
                .toList());
    }

    /** Nothing for a quantity that a test does not have. */
    private static String some(double value) {
        return value == 0 ? "" : String.valueOf(value);
    }

    private void write(List<String> fields) {
        StringWriter line = new StringWriter();
        CsvWriter.builder()
                .bufferSize(0)
                .lineDelimiter(LineDelimiter.LF)
                .build(line)
                .writeRecord(fields);
        try {
            out.append(line.toString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void end() {}
}
