package dev.jemma.app.bench;

import dev.jemma.engine.UsageException;
import java.awt.Color;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToIntFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler;

/** Draws tokens per second over depth and over sequences. The one class that needs the plotting library. */
final class BenchPlot {
    private static final int WIDTH = 640;
    private static final int HEIGHT = 480;

    private final BenchReport report;

    BenchPlot(BenchReport report) {
        this.report = report;
    }

    /** Whether a file's name says a format that can be drawn. */
    static boolean canWrite(Path file) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        return name.endsWith(".svg") || name.endsWith(".png");
    }

    /** Writes {@code .svg} or {@code .png}: over sequences if their number varies, else over depth. */
    void write(Path file) {
        System.setProperty("java.awt.headless", "true");
        boolean manySequences = report.rows().stream()
                        .map(row -> row.test().sequences())
                        .distinct()
                        .count()
                > 1;
        ToIntFunction<BenchTest> x = manySequences ? BenchTest::sequences : BenchTest::depth;
        try {
            save(chart(manySequences, x), file);
        } catch (IOException e) {
            throw new UncheckedIOException("plot: " + file + " cannot be written: " + e.getMessage(), e);
        } catch (LinkageError | InternalError noFonts) {
            throw new UsageException(
                    "plot: expected fonts that Java can draw with, got none: " + noFonts.getMessage()
                            + "; install fontconfig and a font, or draw from -o json elsewhere",
                    noFonts);
        }
    }

    private XYChart chart(boolean overSequences, ToIntFunction<BenchTest> x) {
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .title(report.context().model() + ", " + report.context().backend())
                .xAxisTitle(overSequences ? "sequences at once" : "tokens in the cache")
                .yAxisTitle("tokens/s")
                .build();
        chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideS);
        chart.getStyler().setYAxisMin(0.0);
        chart.getStyler().setChartBackgroundColor(Color.WHITE);
        Map<String, Map<Integer, BenchRow>> lines = new TreeMap<>();
        for (BenchRow row : report.rows()) {
            BenchTest test = row.test();
            BenchTest line = new BenchTest(
                    test.prompt(),
                    test.generated(),
                    overSequences ? test.depth() : 0,
                    overSequences ? 1 : test.sequences());
            lines.computeIfAbsent(line.name(), _ -> new TreeMap<>()).put(x.applyAsInt(test), row);
        }
        lines.forEach((name, points) -> {
            List<Integer> at = List.copyOf(points.keySet());
            List<Double> means = points.values().stream().map(BenchRow::mean).toList();
            List<Double> errors =
                    points.values().stream().map(BenchRow::deviation).toList();
            chart.addSeries(name, at, means, errors);
        });
        return chart;
    }

    private static void save(Chart<?, ?> chart, Path file) throws IOException {
        if (file.toString().toLowerCase(Locale.ROOT).endsWith(".svg")) {
            VectorGraphicsEncoder.saveVectorGraphic(
                    chart, file.toString(), VectorGraphicsEncoder.VectorGraphicsFormat.SVG);
        } else {
            BitmapEncoder.saveBitmap(chart, file.toString(), BitmapEncoder.BitmapFormat.PNG);
        }
    }
}
